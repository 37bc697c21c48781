@NullMarked
package org.stiefelsystem.shell.status;

import org.jspecify.annotations.NullMarked;
