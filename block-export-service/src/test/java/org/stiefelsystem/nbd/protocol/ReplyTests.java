package org.stiefelsystem.nbd.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.stiefelsystem.nbd.Hex;

class ReplyTests {

    private static final long COOKIE = 0x1122334455667788L;

    private static void assertEncoded(ReplyChunk chunk, int encodedBytes, String... fields) {
        ByteBuffer expected = Hex.bytes(fields);
        assertThat(Hex.written(chunk::encode)).isEqualTo(expected);
        assertThat(chunk.encodedBytes()).isEqualTo(encodedBytes).isEqualTo(expected.remaining());
    }

    @Test
    void simple() {
        assertThat(Hex.written(new SimpleReply(NbdError.ENOSPC, COOKIE)::encode))
                .isEqualTo(Hex.bytes(
                        "67446698", // magic
                        "0000001c", // error: ENOSPC
                        "1122334455667788")); // cookie
    }

    @Test
    void structuredHeader() {
        assertThat(Hex.written(new StructuredReply(true, ReplyChunk.Type.ERROR, COOKIE, 6)::encode))
                .isEqualTo(Hex.bytes(
                        "668e33ef", // magic
                        "0001", // DONE
                        "8001", // ERROR
                        "1122334455667788", // cookie
                        "00000006")); // length
        assertThat(Hex.written(new StructuredReply(false, ReplyChunk.Type.OFFSET_DATA, COOKIE, 0x0200_0008)::encode))
                .isEqualTo(Hex.bytes(
                        "668e33ef", // magic
                        "0000", // more to come
                        "0001", // OFFSET_DATA
                        "1122334455667788", // cookie
                        "02000008")); // length: 32 MiB and an offset
    }

    @Test
    void extendedHeader() {
        assertThat(Hex.written(new ExtendedReply(true, ReplyChunk.Type.NONE, COOKIE, 1L << 40, 0)::encode))
                .isEqualTo(Hex.bytes(
                        "6e8a278c", // magic
                        "0001", // DONE
                        "0000", // NONE
                        "1122334455667788", // cookie
                        "0000010000000000", // offset: 1 TiB
                        "0000000000000000")); // length
        assertThat(Hex.written(new ExtendedReply(false, ReplyChunk.Type.BLOCK_STATUS_EXT, COOKIE, 0, 24)::encode))
                .isEqualTo(Hex.bytes(
                        "6e8a278c", // magic
                        "0000", // more to come
                        "0006", // BLOCK_STATUS_EXT
                        "1122334455667788", // cookie
                        "0000000000000000", // offset
                        "0000000000000018")); // length
    }

    @Test
    void types() {
        int[] expected = {0, 1, 2, 5, 6, 0x8001, 0x8002};
        ReplyChunk.Type[] types = ReplyChunk.Type.values();
        assertThat(types).hasSameSizeAs(expected);
        for (int i = 0; i < types.length; i++) {
            assertThat(types[i].code()).isEqualTo(expected[i]);
        }
    }

    @Test
    void none() {
        assertEncoded(new ReplyChunk.None(), 0);
        assertThat(new ReplyChunk.None().length()).isZero();
    }

    @Test
    void offsetData() {
        ReplyChunk chunk = new ReplyChunk.OffsetData(1L << 32, 512);
        assertEncoded(chunk, 8, "0000000100000000");
        assertThat(chunk.length()).isEqualTo(520);
    }

    @Test
    void offsetHole() {
        ReplyChunk chunk = new ReplyChunk.OffsetHole(1L << 32, 65536);
        assertEncoded(
                chunk,
                12,
                "0000000100000000", // offset
                "00010000"); // size
        assertThat(chunk.length()).isEqualTo(12);
    }

    private static List<StatusDescriptor> descriptors() {
        return List.of(new StatusDescriptor(0xffff_fe00L, 3), new StatusDescriptor(512, 0));
    }

    @Test
    void blockStatus() {
        ReplyChunk chunk = new ReplyChunk.BlockStatus(1, descriptors());
        assertEncoded(
                chunk,
                20,
                "00000001", // context
                "fffffe00", // length: 2^32-512
                "00000003", // HOLE, ZERO
                "00000200", // length
                "00000000"); // data
        assertThat(chunk.length()).isEqualTo(20);
    }

    @Test
    void blockStatusExt() {
        ReplyChunk chunk = new ReplyChunk.BlockStatusExt(1, descriptors());
        assertEncoded(
                chunk,
                40,
                "00000001", // context
                "00000002", // descriptors
                "00000000fffffe00", // length
                "0000000000000003", // HOLE, ZERO
                "0000000000000200", // length
                "0000000000000000"); // data
        assertThat(chunk.length()).isEqualTo(40);
    }

    @Test
    void error() {
        ReplyChunk chunk = new ReplyChunk.ErrorReply(NbdError.EOVERFLOW, "no");
        assertEncoded(
                chunk,
                8,
                "0000004b", // EOVERFLOW
                "0002", // length of the words
                "6e6f"); // no
    }

    @Test
    void errorOffset() {
        ReplyChunk chunk = new ReplyChunk.ErrorOffset(NbdError.EIO, 1L << 32);
        assertEncoded(
                chunk,
                14,
                "00000005", // EIO
                "0000", // no words
                "0000000100000000"); // offset
    }
}
