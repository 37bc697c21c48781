package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;

/**
 * What precedes every option of the client (proto.md, "Option haggling").
 *
 * <pre>
 * u64 IHAVEOPT | u32 option | u32 length of the option data that follows
 * </pre>
 */
public record OptionHeader(int option, long length) {

    public static final int BYTES = 16;

    static final long IHAVEOPT = 0x49484156454F5054L;

    public static OptionHeader decode(ByteBuffer in) throws ProtocolViolation {
        if (in.remaining() < BYTES) {
            throw new ProtocolViolation("an option header is cut off");
        }
        long magic = in.getLong();
        if (magic != IHAVEOPT) {
            throw new ProtocolViolation("an option begins with 0x%x and not with IHAVEOPT".formatted(magic));
        }
        return new OptionHeader(in.getInt(), Integer.toUnsignedLong(in.getInt()));
    }
}
