package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * One reply to an option (proto.md, "Option reply types").
 *
 * <pre>
 * u64 magic | u32 option | u32 reply type | u32 length | data
 * </pre>
 */
public record OptionReply(int option, Type type, ByteBuffer data) {

    private static final long MAGIC = 0x0003e889045565a9L;

    /** Reply types; those with the top bit set are errors, whose data is a text for a person. */
    public enum Type {
        ACK(1),
        SERVER(2),
        INFO(3),
        META_CONTEXT(4),
        ERR_UNSUP(0x8000_0001),
        ERR_POLICY(0x8000_0002),
        ERR_INVALID(0x8000_0003),
        ERR_UNKNOWN(0x8000_0006),
        ERR_SHUTDOWN(0x8000_0007),
        ERR_TOO_BIG(0x8000_0009),
        ERR_EXT_HEADER_REQD(0x8000_000a);

        private final int code;

        Type(int code) {
            this.code = code;
        }

        int code() {
            return code;
        }
    }

    public static OptionReply ack(int option) {
        return of(option, Type.ACK);
    }

    public static OptionReply error(int option, Type type, String words) {
        return of(option, type, words.getBytes(StandardCharsets.UTF_8));
    }

    /** NBD_REP_SERVER: one line of the answer to NBD_OPT_LIST. */
    public static OptionReply server(String exportName) {
        byte[] name = exportName.getBytes(StandardCharsets.UTF_8);
        byte[] data = ByteBuffer.allocate(4 + name.length)
                .putInt(name.length)
                .put(name)
                .array();
        return of(NbdOption.LIST.code(), Type.SERVER, data);
    }

    public static OptionReply info(int option, InfoReply info) {
        return of(option, Type.INFO, info.encoded());
    }

    /** NBD_REP_META_CONTEXT: {@code u32 id | name}; the id is 0 where a context is only listed. */
    public static OptionReply metaContext(int option, int id, String name) {
        byte[] text = name.getBytes(StandardCharsets.UTF_8);
        byte[] data = ByteBuffer.allocate(4 + text.length).putInt(id).put(text).array();
        return of(option, Type.META_CONTEXT, data);
    }

    private static OptionReply of(int option, Type type, byte... data) {
        return new OptionReply(option, type, ByteBuffer.wrap(data).asReadOnlyBuffer());
    }

    public void encode(ByteBuffer out) {
        out.putLong(MAGIC)
                .putInt(option)
                .putInt(type.code())
                .putInt(data.remaining())
                .put(data.duplicate());
    }
}
