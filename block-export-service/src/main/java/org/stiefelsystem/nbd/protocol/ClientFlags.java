package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;

/** The client's answer to the {@link Greeting}: a u32 of {@link HandshakeFlag} bits. */
public record ClientFlags(int flags) {

    public static final int BYTES = 4;

    /** Decodes; proto.md: a server that sees an unknown client flag MUST end the connection. */
    public static ClientFlags decode(ByteBuffer in) throws ProtocolViolation {
        if (in.remaining() < BYTES) {
            throw new ProtocolViolation("client flags are cut off");
        }
        int flags = in.getInt();
        if ((flags & ~HandshakeFlag.all()) != 0) {
            throw new ProtocolViolation("unknown client flags 0x%x".formatted(flags));
        }
        return new ClientFlags(flags);
    }

    public boolean has(HandshakeFlag flag) {
        return (flags & flag.mask()) != 0;
    }
}
