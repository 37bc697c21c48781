/**
 * The bytes of the NBD protocol: one record per structure on the wire, named as the
 * <a href="https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md">protocol document</a> names it. Knows
 * no socket, no file and no policy; a number that it does not know is a value and not an exception.
 */
@NullMarked
package org.stiefelsystem.nbd.protocol;

import org.jspecify.annotations.NullMarked;
