/** What a guest boots: the served system's own kernel, initrd and command line, and the timeline of each boot. */
@NullMarked
package org.stiefelsystem.payload;

import org.jspecify.annotations.NullMarked;
