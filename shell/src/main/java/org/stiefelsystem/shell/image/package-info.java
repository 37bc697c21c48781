/** StiefelOS and the demo's disk, built by their own programs. */
@NullMarked
package org.stiefelsystem.shell.image;

import org.jspecify.annotations.NullMarked;
