package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;

/**
 * A simple reply (proto.md, "Simple reply message"); the data of a successful READ follows it.
 *
 * <pre>
 * u32 magic | u32 error | u64 cookie
 * </pre>
 */
public record SimpleReply(NbdError error, long cookie) {

    public static final int BYTES = 16;

    private static final int MAGIC = 0x67446698;

    public void encode(ByteBuffer out) {
        out.putInt(MAGIC).putInt(error.code()).putLong(cookie);
    }
}
