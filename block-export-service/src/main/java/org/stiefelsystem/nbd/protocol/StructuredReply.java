package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;

/**
 * The header of one chunk of a structured reply (proto.md, "Structured reply chunk message"); the {@link ReplyChunk}
 * follows it.
 *
 * <pre>
 * u32 magic | u16 reply flags | u16 type | u64 cookie | u32 length
 * </pre>
 *
 * @param done whether this is the reply's last chunk (NBD_REPLY_FLAG_DONE)
 */
public record StructuredReply(boolean done, ReplyChunk.Type type, long cookie, int length) {

    public static final int BYTES = 20;

    private static final int MAGIC = 0x668e33ef;

    public void encode(ByteBuffer out) {
        out.putInt(MAGIC)
                .putShort((short) (done ? ReplyChunk.DONE : 0))
                .putShort((short) type.code())
                .putLong(cookie)
                .putInt(length);
    }
}
