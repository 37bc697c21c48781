/** One boot of a real Debian system from another machine's disk, in QEMU, seen from both ends. */
@NullMarked
package org.stiefelsystem.boot;

import org.jspecify.annotations.NullMarked;
