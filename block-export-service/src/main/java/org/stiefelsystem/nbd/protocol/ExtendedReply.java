package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;

/**
 * The header of one chunk of an extended reply (proto.md, "Extended reply chunk message"); the {@link ReplyChunk}
 * follows it.
 *
 * <pre>
 * u32 magic | u16 reply flags | u16 type | u64 cookie | u64 offset | u64 length
 * </pre>
 *
 * @param done whether this is the reply's last chunk (NBD_REPLY_FLAG_DONE)
 * @param offset that of the request, whatever the chunk is about
 */
public record ExtendedReply(boolean done, ReplyChunk.Type type, long cookie, long offset, long length) {

    public static final int BYTES = 32;

    private static final int MAGIC = 0x6e8a278c;

    public void encode(ByteBuffer out) {
        out.putInt(MAGIC)
                .putShort((short) (done ? ReplyChunk.DONE : 0))
                .putShort((short) type.code())
                .putLong(cookie)
                .putLong(offset)
                .putLong(length);
    }
}
