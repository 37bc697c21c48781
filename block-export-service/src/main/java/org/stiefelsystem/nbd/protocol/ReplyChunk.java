package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** What a {@link StructuredReply} or {@link ExtendedReply} carries (proto.md, "Structured reply types"). */
public sealed interface ReplyChunk {

    /** NBD_REPLY_FLAG_DONE. */
    int DONE = 1;

    /** Chunk types; those with the top bit set are errors. */
    enum Type {
        NONE(0),
        OFFSET_DATA(1),
        OFFSET_HOLE(2),
        BLOCK_STATUS(5),
        BLOCK_STATUS_EXT(6),
        ERROR(0x8001),
        ERROR_OFFSET(0x8002);

        private final int code;

        Type(int code) {
            this.code = code;
        }

        int code() {
            return code;
        }
    }

    Type type();

    /** The length that the header says. */
    long length();

    /** What {@link #encode} writes: all of the chunk, but for {@link OffsetData}. */
    default int encodedBytes() {
        return (int) length();
    }

    void encode(ByteBuffer out);

    /** NBD_REPLY_TYPE_NONE: nothing more; must be the last. */
    record None() implements ReplyChunk {

        @Override
        public Type type() {
            return Type.NONE;
        }

        @Override
        public long length() {
            return 0;
        }

        @Override
        public void encode(ByteBuffer out) {
            // There is nothing in it.
        }
    }

    /** NBD_REPLY_TYPE_OFFSET_DATA: {@code u64 offset}; the data follows what is encoded here. */
    record OffsetData(long offset, int dataBytes) implements ReplyChunk {

        public static final int BYTES = 8;

        @Override
        public Type type() {
            return Type.OFFSET_DATA;
        }

        @Override
        public long length() {
            return (long) BYTES + dataBytes;
        }

        @Override
        public int encodedBytes() {
            return BYTES;
        }

        @Override
        public void encode(ByteBuffer out) {
            out.putLong(offset);
        }
    }

    /** NBD_REPLY_TYPE_OFFSET_HOLE: {@code u64 offset | u32 hole size}. */
    record OffsetHole(long offset, int holeBytes) implements ReplyChunk {

        @Override
        public Type type() {
            return Type.OFFSET_HOLE;
        }

        @Override
        public long length() {
            return 12;
        }

        @Override
        public void encode(ByteBuffer out) {
            out.putLong(offset).putInt(holeBytes);
        }
    }

    /** NBD_REPLY_TYPE_BLOCK_STATUS: {@code u32 context id | each: u32 length, u32 flags}. */
    record BlockStatus(int contextId, List<StatusDescriptor> descriptors) implements ReplyChunk {

        public BlockStatus {
            descriptors = List.copyOf(descriptors);
        }

        @Override
        public Type type() {
            return Type.BLOCK_STATUS;
        }

        @Override
        public long length() {
            return 4 + 8L * descriptors.size();
        }

        /** How many descriptors make a chunk of at most so many bytes. */
        public static int descriptorsIn(int bytes) {
            return (bytes - 4) / 8;
        }

        @Override
        public void encode(ByteBuffer out) {
            out.putInt(contextId);
            for (StatusDescriptor descriptor : descriptors) {
                out.putInt((int) descriptor.length()).putInt(descriptor.flags());
            }
        }
    }

    /** NBD_REPLY_TYPE_BLOCK_STATUS_EXT: {@code u32 context id | u32 number | each: u64 length, u64 flags}. */
    record BlockStatusExt(int contextId, List<StatusDescriptor> descriptors) implements ReplyChunk {

        public BlockStatusExt {
            descriptors = List.copyOf(descriptors);
        }

        @Override
        public Type type() {
            return Type.BLOCK_STATUS_EXT;
        }

        @Override
        public long length() {
            return 8 + 16L * descriptors.size();
        }

        /** How many descriptors make a chunk of at most so many bytes. */
        public static int descriptorsIn(int bytes) {
            return (bytes - 8) / 16;
        }

        @Override
        public void encode(ByteBuffer out) {
            out.putInt(contextId).putInt(descriptors.size());
            for (StatusDescriptor descriptor : descriptors) {
                out.putLong(descriptor.length()).putLong(Integer.toUnsignedLong(descriptor.flags()));
            }
        }
    }

    /** NBD_REPLY_TYPE_ERROR: {@code u32 error | u16 length | words for a person}. */
    record ErrorReply(NbdError error, String words) implements ReplyChunk {

        @Override
        public Type type() {
            return Type.ERROR;
        }

        @Override
        public long length() {
            return 6L + words.getBytes(StandardCharsets.UTF_8).length;
        }

        @Override
        public void encode(ByteBuffer out) {
            byte[] text = words.getBytes(StandardCharsets.UTF_8);
            out.putInt(error.code()).putShort((short) text.length).put(text);
        }
    }

    /** NBD_REPLY_TYPE_ERROR_OFFSET: {@code u32 error | u16 0 | u64 offset}; says what it must without words. */
    record ErrorOffset(NbdError error, long offset) implements ReplyChunk {

        @Override
        public Type type() {
            return Type.ERROR_OFFSET;
        }

        @Override
        public long length() {
            return 14;
        }

        @Override
        public void encode(ByteBuffer out) {
            out.putInt(error.code()).putShort((short) 0).putLong(offset);
        }
    }
}
