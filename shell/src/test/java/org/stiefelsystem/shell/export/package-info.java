@NullMarked
package org.stiefelsystem.shell.export;

import org.jspecify.annotations.NullMarked;
