/**
 * System calls: each has a safe outer method, one raw call, and an exception that holds call, arguments and errno. The
 * only package that uses the foreign function interface.
 */
@NullMarked
package org.stiefelsystem.nbd.linux;

import org.jspecify.annotations.NullMarked;
