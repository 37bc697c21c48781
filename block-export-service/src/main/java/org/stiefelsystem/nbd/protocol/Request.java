package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;

/**
 * One request (proto.md, "Request message"): compact, or with extended headers.
 *
 * <pre>
 * u32 magic | u16 command flags | u16 type | u64 cookie | u64 offset | u32 length; data, if it is a WRITE
 * u32 magic | u16 command flags | u16 type | u64 cookie | u64 offset | u64 length; data, if flagged PAYLOAD_LEN
 * </pre>
 *
 * @param cookie the client's name for the request, returned with the reply; old texts call it "handle"
 * @param offset a negative one was 2^63 or more on the wire, and so is out of any range
 * @param length of the payload, or else of the range; a negative one was 2^63 or more on the wire
 * @param hasPayload whether {@code length} bytes follow the header
 */
public record Request(int flags, int type, long cookie, long offset, long length, boolean hasPayload) {

    public static final int BYTES = 28;
    public static final int EXTENDED_BYTES = 32;

    private static final int MAGIC = 0x25609513;
    private static final int EXTENDED_MAGIC = 0x21e41c71;

    public static Request decode(ByteBuffer in) throws ProtocolViolation {
        check(in, BYTES, MAGIC);
        int flags = Short.toUnsignedInt(in.getShort());
        int type = Short.toUnsignedInt(in.getShort());
        return new Request(
                flags,
                type,
                in.getLong(),
                in.getLong(),
                Integer.toUnsignedLong(in.getInt()),
                Command.ofCode(type) == Command.WRITE);
    }

    public static Request decodeExtended(ByteBuffer in) throws ProtocolViolation {
        check(in, EXTENDED_BYTES, EXTENDED_MAGIC);
        int flags = Short.toUnsignedInt(in.getShort());
        return new Request(
                flags,
                Short.toUnsignedInt(in.getShort()),
                in.getLong(),
                in.getLong(),
                in.getLong(),
                (flags & CommandFlag.PAYLOAD_LEN.mask()) != 0);
    }

    private static void check(ByteBuffer in, int bytes, int expected) throws ProtocolViolation {
        if (in.remaining() < bytes) {
            throw new ProtocolViolation("a request is cut off");
        }
        int magic = in.getInt();
        if (magic != expected) {
            throw new ProtocolViolation("a request begins with 0x%08x and not with 0x%08x".formatted(magic, expected));
        }
    }

    public Command command() {
        return Command.ofCode(type);
    }

    public boolean has(CommandFlag flag) {
        return (flags & flag.mask()) != 0;
    }
}
