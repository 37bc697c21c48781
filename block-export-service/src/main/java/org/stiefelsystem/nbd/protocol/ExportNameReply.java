package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;
import java.util.Set;

/**
 * The answer to NBD_OPT_EXPORT_NAME, which has no reply header: {@code u64 size | u16 transmission flags}, and 124
 * zeroes for a client that did not ask to be spared them.
 */
public record ExportNameReply(long size, Set<TransmissionFlag> flags, boolean zeroes) {

    private static final int ZEROES = 124;

    public void encode(ByteBuffer out) {
        out.putLong(size).putShort((short) TransmissionFlag.mask(flags));
        if (zeroes) {
            out.put(new byte[ZEROES]);
        }
    }
}
