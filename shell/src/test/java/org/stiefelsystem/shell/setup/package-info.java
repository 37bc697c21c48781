@NullMarked
package org.stiefelsystem.shell.setup;

import org.jspecify.annotations.NullMarked;
