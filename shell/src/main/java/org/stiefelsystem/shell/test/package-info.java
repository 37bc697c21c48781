/** What CI runs. */
@NullMarked
package org.stiefelsystem.shell.test;

import org.jspecify.annotations.NullMarked;
