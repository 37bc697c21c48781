/** What on this machine would stand in the way of a boot. */
@NullMarked
package org.stiefelsystem.shell.doctor;

import org.jspecify.annotations.NullMarked;
