package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;

/**
 * The first bytes of the server (proto.md, "Newstyle negotiation").
 *
 * <pre>
 * u64 NBDMAGIC | u64 IHAVEOPT | u16 handshake flags
 * </pre>
 */
public record Greeting(int flags) {

    public static final int BYTES = 18;

    private static final long NBDMAGIC = 0x4e42444d41474943L;

    /** The greeting of a server that speaks fixed newstyle. */
    public static Greeting fixedNewstyle() {
        return new Greeting(HandshakeFlag.all());
    }

    public void encode(ByteBuffer out) {
        out.putLong(NBDMAGIC).putLong(OptionHeader.IHAVEOPT).putShort((short) flags);
    }
}
