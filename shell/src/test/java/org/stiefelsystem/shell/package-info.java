@NullMarked
package org.stiefelsystem.shell;

import org.jspecify.annotations.NullMarked;
