package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;

/**
 * One request (proto.md, "Request message"); the data of a WRITE follows it.
 *
 * <pre>
 * u32 magic | u16 command flags | u16 type | u64 cookie | u64 offset | u32 length
 * </pre>
 *
 * @param cookie the client's name for the request, returned with the reply; old texts call it "handle"
 * @param offset a negative one was 2^63 or more on the wire, and so is out of any range
 */
public record Request(int flags, int type, long cookie, long offset, long length) {

    public static final int BYTES = 28;

    private static final int MAGIC = 0x25609513;

    public static Request decode(ByteBuffer in) throws ProtocolViolation {
        if (in.remaining() < BYTES) {
            throw new ProtocolViolation("a request is cut off");
        }
        int magic = in.getInt();
        if (magic != MAGIC) {
            throw new ProtocolViolation("a request begins with 0x%08x and not with 0x%08x".formatted(magic, MAGIC));
        }
        return new Request(
                Short.toUnsignedInt(in.getShort()),
                Short.toUnsignedInt(in.getShort()),
                in.getLong(),
                in.getLong(),
                Integer.toUnsignedLong(in.getInt()));
    }

    public Command command() {
        return Command.ofCode(type);
    }

    public boolean has(CommandFlag flag) {
        return (flags & flag.mask()) != 0;
    }
}
