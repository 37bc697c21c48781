package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The payload of an NBD_CMD_BLOCK_STATUS that asks for some of the agreed contexts only (proto.md, "Request types").
 *
 * <pre>
 * u64 length of the range | u32 id of each context
 * </pre>
 *
 * @param length a negative one was 2^63 or more on the wire
 */
public record BlockStatusPayload(long length, List<Integer> contextIds) {

    public BlockStatusPayload {
        contextIds = List.copyOf(contextIds);
    }

    /** How long a payload with so many contexts is. */
    public static int bytes(int contexts) {
        return Long.BYTES + contexts * Integer.BYTES;
    }

    /** Decodes all of {@code in}, whose length must be that of some number of contexts. */
    public static BlockStatusPayload decode(ByteBuffer in) throws ProtocolViolation {
        int contexts = (in.remaining() - Long.BYTES) / Integer.BYTES;
        if (in.remaining() < Long.BYTES || in.remaining() != bytes(contexts)) {
            throw new ProtocolViolation("%d bytes are no list of contexts".formatted(in.remaining()));
        }
        long length = in.getLong();
        List<Integer> contextIds = new ArrayList<>(contexts);
        while (in.hasRemaining()) {
            contextIds.add(in.getInt());
        }
        return new BlockStatusPayload(length, contextIds);
    }
}
