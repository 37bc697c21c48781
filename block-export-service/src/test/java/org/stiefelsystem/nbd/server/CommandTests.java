package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.FakeDisk;

/** Each command with each kind of headers: its errors, and what chunks it answers. */
@NullUnmarked
class CommandTests {

    private static final int SIZE = 8 << 20;
    private static final int MIB = 1 << 20;
    private static final int FUA = 1;
    private static final int NO_HOLE = 2;
    private static final int DF = 4;
    private static final int REQ_ONE = 8;
    private static final int FAST_ZERO = 16;
    private static final int EPERM = 1;
    private static final int EIO = 5;
    private static final int EINVAL = 22;
    private static final int ENOSPC = 28;
    private static final int EOVERFLOW = 75;
    private static final int ENOTSUP = 95;
    private static final int NONE = 0;
    private static final int DATA = 1;
    private static final int HOLE = 2;
    private static final int STATUS = 5;
    private static final int STATUS_EXT = 6;
    private static final int ERROR = 0x8001;
    private static final int ERROR_OFFSET = 0x8002;

    @TempDir
    private Path directory;

    private Path image;
    private FakeDisk disk;
    private TestServer server;

    /** The image has data in its MiB 2 and 5, and holes everywhere else. */
    @BeforeEach
    void start() throws IOException {
        image = directory.resolve("image");
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(SIZE);
            for (int at : new int[] {2 * MIB, 5 * MIB}) {
                file.seek(at);
                file.write(ones(MIB));
            }
        }
        disk = new FakeDisk(SIZE);
        server = TestServer.of(
                NbdLimits.defaults(),
                Export.open("root", image, false),
                Export.open("ro", Files.write(directory.resolve("ro"), new byte[SIZE]), true),
                disk.export("fake"));
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private static byte[] ones(int length) {
        byte[] ones = new byte[length];
        Arrays.fill(ones, (byte) 1);
        return ones;
    }

    private Peer simple(String export) throws IOException {
        return Peer.in(server.address(), export);
    }

    private Peer structured(String export) throws IOException {
        return Peer.in(server.address(), export, Peer.OPT_STRUCTURED);
    }

    private Peer extended(String export) throws IOException {
        return Peer.in(server.address(), export, Peer.OPT_EXTENDED);
    }

    /** The error with which each kind of headers answers. */
    private void assertError(int error, String export, int flags, int type, long offset, int length)
            throws IOException {
        byte[] payload = type == Peer.WRITE ? new byte[length] : new byte[0];
        try (Peer peer = simple(export)) {
            peer.ask(flags, type, 1, offset, length, payload);
            assertThat(peer.answer(1)).isEqualTo(error);
        }
        try (Peer peer = structured(export)) {
            peer.ask(flags, type, 2, offset, length, payload);
            assertIsOnlyChunk(peer.structured(), error, 2);
        }
        try (Peer peer = extended(export)) {
            int payloadLen = type == Peer.WRITE ? Peer.PAYLOAD_LEN : 0;
            peer.askExtended(flags | payloadLen, type, 3, offset, Integer.toUnsignedLong(length), payload);
            assertIsOnlyChunk(peer.extended(offset), error, 3);
        }
    }

    private static void assertIsOnlyChunk(Peer.Chunk chunk, int error, long cookie) {
        assertThat(chunk.done()).isTrue();
        assertThat(chunk.cookie()).isEqualTo(cookie);
        assertThat(chunk.error()).isEqualTo(error);
        assertThat(chunk.type()).isEqualTo(error == 0 ? NONE : ERROR);
    }

    // ---- one error each ----

    @Test
    void readErrors() throws IOException {
        assertError(EINVAL, "root", 0, Peer.READ, SIZE - 1, 2);
        assertError(EINVAL, "root", 0, Peer.READ, -1, 1);
        assertError(EINVAL, "root", NO_HOLE, Peer.READ, 0, 1);
        assertError(EINVAL, "root", 0, Peer.READ, 0, -1);
        try (Peer peer = simple("root")) {
            peer.ask(DF, Peer.READ, 1, 0, 1);
            assertThat(peer.answer(1)).isEqualTo(EINVAL);
        }
    }

    @Test
    void readErrorOfAReadThatIsTooLarge() throws IOException {
        int max = NbdLimits.defaults().requestBytes();
        Path large = directory.resolve("large");
        try (RandomAccessFile file = new RandomAccessFile(large.toFile(), "rw")) {
            file.setLength(max + 1L);
        }
        try (TestServer other = TestServer.of(NbdLimits.defaults(), Export.open("large", large, true))) {
            try (Peer peer = Peer.in(other.address(), "large")) {
                peer.ask(0, Peer.READ, 1, 0, max + 1);
                assertThat(peer.answer(1)).isEqualTo(EINVAL);
            }
            try (Peer peer = Peer.in(other.address(), "large", Peer.OPT_STRUCTURED)) {
                peer.ask(DF, Peer.READ, 2, 0, max + 1);
                assertIsOnlyChunk(peer.structured(), EOVERFLOW, 2);
                peer.ask(DF, Peer.READ, 3, 0, max);
                Peer.Chunk chunk = peer.structured();
                assertThat(chunk.type()).isEqualTo(DATA);
                assertThat(chunk.content().remaining()).isEqualTo(max + 8);
            }
        }
    }

    @Test
    void writeErrors() throws IOException {
        assertError(ENOSPC, "root", 0, Peer.WRITE, SIZE - 1, 2);
        assertError(EPERM, "ro", 0, Peer.WRITE, 0, 1);
        assertError(EINVAL, "root", FAST_ZERO, Peer.WRITE, 0, 1);
        try (Peer peer = extended("root")) {
            // Without PAYLOAD_LEN there is no payload, and the next request follows.
            peer.askExtended(0, Peer.WRITE, 1, 0, 4096);
            assertIsOnlyChunk(peer.extended(0), EINVAL, 1);
            peer.askExtended(0, Peer.FLUSH, 2, 0, 0);
            assertIsOnlyChunk(peer.extended(0), 0, 2);
        }
    }

    @Test
    void writeErrorOfAPayloadThatIsTooLong() throws IOException {
        int max = NbdLimits.defaults().requestBytes();
        for (long length : new long[] {max + 1L, 0xffff_ffffL, Long.MAX_VALUE, -1}) {
            try (Peer peer = extended("root")) {
                peer.askExtended(Peer.PAYLOAD_LEN, Peer.WRITE, 1, 0, length);
                assertThat(peer.closedByServer()).isTrue();
            }
        }
        try (Peer peer = structured("root")) {
            peer.ask(0, Peer.WRITE, 1, 0, max + 1, new byte[max + 1]);
            assertIsOnlyChunk(peer.structured(), EINVAL, 1);
        }
    }

    @Test
    void aPayloadWhereNoneBelongsIsDrainedAndRefused() throws IOException {
        try (Peer peer = extended("root")) {
            for (int type : new int[] {
                Peer.READ, Peer.FLUSH, Peer.TRIM, Peer.CACHE, Peer.WRITE_ZEROES, Peer.BLOCK_STATUS, Peer.RESIZE, 99
            }) {
                peer.askExtended(Peer.PAYLOAD_LEN, type, type, 0, 300_000, new byte[300_000]);
                assertIsOnlyChunk(peer.extended(0), EINVAL, type);
            }
            peer.askExtended(0, Peer.FLUSH, 2, 0, 0);
            assertIsOnlyChunk(peer.extended(0), 0, 2);
        }
    }

    @Test
    void discErrorIsNoneAndWhatFollowsIsIgnored() throws IOException {
        try (Peer peer = extended("fake")) {
            peer.send(ByteBuffer.allocate(300)
                    .put(Peer.extended(0, Peer.FLUSH, 1, 0, 0).flip())
                    .put(Peer.extended(0xffff & ~Peer.PAYLOAD_LEN, Peer.DISC, 2, 5, 7)
                            .flip())
                    .put(Peer.extended(0, Peer.TRIM, 3, 0, 4096).flip()));
            assertIsOnlyChunk(peer.extended(0), 0, 1);
            assertThat(peer.closedByServer()).isTrue();
        }
        assertThat(disk.calls()).containsExactly("sync");
    }

    @Test
    void flushErrors() throws IOException {
        assertError(EINVAL, "root", 0, Peer.FLUSH, 0, 1);
        assertError(EINVAL, "root", 0, Peer.FLUSH, 1, 0);
        assertError(0, "root", FUA, Peer.FLUSH, 0, 0);
        disk.failSyncs(true);
        assertError(EIO, "fake", 0, Peer.FLUSH, 0, 0);
    }

    @Test
    void trimErrors() throws IOException {
        assertError(EINVAL, "root", 0, Peer.TRIM, SIZE - 1, 2);
        assertError(EPERM, "ro", 0, Peer.TRIM, 0, 1);
        assertError(EINVAL, "root", NO_HOLE, Peer.TRIM, 0, 1);
    }

    @Test
    void cacheErrors() throws IOException {
        assertError(EINVAL, "root", 0, Peer.CACHE, SIZE - 1, 2);
        assertError(EINVAL, "root", NO_HOLE, Peer.CACHE, 0, 1);
        assertError(0, "ro", FUA, Peer.CACHE, 0, SIZE);
        disk.breakFrom(MIB);
        assertError(EIO, "fake", 0, Peer.CACHE, 0, 2 * MIB);
    }

    @Test
    void writeZeroesErrors() throws IOException {
        assertError(ENOSPC, "root", 0, Peer.WRITE_ZEROES, SIZE - 1, 2);
        assertError(EPERM, "ro", 0, Peer.WRITE_ZEROES, 0, 1);
        assertError(EINVAL, "root", DF, Peer.WRITE_ZEROES, 0, 1);
    }

    @Test
    void writeZeroesErrorWhereFastIsNotPossibleChangesNothing() throws IOException {
        try (Peer peer = simple("fake")) {
            peer.ask(0, Peer.WRITE, 1, 0, 8, ones(8));
            assertThat(peer.answer(1)).isZero();
        }
        disk.zeroSlowly();
        disk.calls();
        assertError(ENOTSUP, "fake", FAST_ZERO, Peer.WRITE_ZEROES, 0, 4096);
        assertError(ENOTSUP, "fake", FAST_ZERO | NO_HOLE | FUA, Peer.WRITE_ZEROES, 0, SIZE);
        assertThat(disk.calls()).isEmpty();
        assertError(0, "fake", 0, Peer.WRITE_ZEROES, 0, 4096);
        assertError(0, "fake", FAST_ZERO, Peer.WRITE_ZEROES, 0, 0);
    }

    @Test
    void writeZeroesErrorOfSlowOnesThatAreTooMany() throws IOException {
        try (TestServer other = TestServer.of(NbdLimits.defaults().withEffort(MIB, 1), disk.export("limited"));
                Peer peer = Peer.in(other.address(), "limited")) {
            peer.ask(0, Peer.WRITE_ZEROES, 1, 0, MIB + 1);
            assertThat(peer.answer(1)).isZero();
            disk.zeroSlowly();
            peer.ask(0, Peer.WRITE_ZEROES, 2, 0, MIB + 1);
            assertThat(peer.answer(2)).isEqualTo(EOVERFLOW);
            peer.ask(0, Peer.WRITE_ZEROES, 3, 0, MIB);
            assertThat(peer.answer(3)).isZero();
            peer.ask(FAST_ZERO, Peer.WRITE_ZEROES, 4, 0, MIB + 1);
            assertThat(peer.answer(4)).isEqualTo(ENOTSUP);
        }
    }

    @Test
    void blockStatusErrors() throws IOException {
        assertError(EINVAL, "root", 0, Peer.BLOCK_STATUS, SIZE - 1, 2);
        assertError(EINVAL, "root", 0, Peer.BLOCK_STATUS, 0, 0);
        assertError(EINVAL, "root", DF, Peer.BLOCK_STATUS, 0, 4096);
        try (Peer peer = Peer.greeted(server.address()).agreed(Peer.OPT_STRUCTURED)) {
            peer.go("root");
            peer.ask(0, Peer.BLOCK_STATUS, 1, 0, 4096);
            assertIsOnlyChunk(peer.structured(), EINVAL, 1);
        }
    }

    @Test
    void blockStatusErrorsOfItsPayload() throws IOException {
        try (Peer peer = extended("root")) {
            ByteBuffer right = ByteBuffer.allocate(12).putLong(SIZE).putInt(1);
            List<byte[]> wrong = List.of(
                    Arrays.copyOf(right.array(), 1),
                    Arrays.copyOf(right.array(), 8),
                    Arrays.copyOf(right.array(), 11),
                    Arrays.copyOf(right.array(), 13),
                    ByteBuffer.allocate(16).putLong(SIZE).putInt(1).putInt(1).array(),
                    ByteBuffer.allocate(12).putLong(SIZE).putInt(2).array(),
                    ByteBuffer.allocate(12).putLong(0).putInt(1).array(),
                    ByteBuffer.allocate(12).putLong(SIZE + 1).putInt(1).array(),
                    ByteBuffer.allocate(12).putLong(-1).putInt(1).array());
            for (byte[] payload : wrong) {
                peer.askExtended(Peer.PAYLOAD_LEN, Peer.BLOCK_STATUS, 1, 0, payload.length, payload);
                assertIsOnlyChunk(peer.extended(0), EINVAL, 1);
            }
            peer.askExtended(Peer.PAYLOAD_LEN, Peer.BLOCK_STATUS, 2, 0, 12, right.array());
            assertThat(peer.extended(0).type()).isEqualTo(STATUS_EXT);
        }
    }

    @Test
    void resizeErrors() throws IOException {
        assertError(EPERM, "root", 0, Peer.RESIZE, SIZE / 2, 0);
        assertThat(Files.size(image)).isEqualTo(SIZE);
    }

    @Test
    void unknownCommandErrors() throws IOException {
        assertError(EINVAL, "root", 0, 9, 0, 0);
        assertError(EINVAL, "root", 0, 0xffff, 0, 0);
    }

    @Test
    void theOtherMagicCloses() throws IOException {
        try (Peer peer = extended("root")) {
            peer.ask(0, Peer.FLUSH, 1, 0, 0);
            peer.ask(0, Peer.FLUSH, 1, 0, 0);
            assertThat(peer.closedByServer()).isTrue();
        }
        try (Peer peer = structured("root")) {
            peer.askExtended(0, Peer.FLUSH, 1, 0, 0);
            assertThat(peer.closedByServer()).isTrue();
        }
    }

    // ---- reads in chunks ----

    private static void assertData(Peer.Chunk chunk, long offset, byte[] data) {
        assertThat(chunk.type()).isEqualTo(DATA);
        assertThat(chunk.content().getLong()).isEqualTo(offset);
        byte[] bytes = new byte[chunk.content().remaining()];
        chunk.content().get(bytes);
        assertThat(bytes).isEqualTo(data);
    }

    @Test
    void aSmallReadIsOneChunk() throws IOException {
        try (Peer peer = structured("root")) {
            peer.ask(0, Peer.READ, 1, 2 * MIB - 2, 4);
            Peer.Chunk chunk = peer.structured();
            assertThat(chunk.done()).isTrue();
            assertData(chunk, 2 * MIB - 2, new byte[] {0, 0, 1, 1});
        }
        try (Peer peer = extended("root")) {
            peer.askExtended(DF, Peer.READ, 1, 2 * MIB - 2, 4);
            Peer.Chunk chunk = peer.extended(2 * MIB - 2);
            assertThat(chunk.done()).isTrue();
            assertData(chunk, 2 * MIB - 2, new byte[] {0, 0, 1, 1});
        }
    }

    @Test
    void aReadOfNothingIsNothing() throws IOException {
        assertError(0, "root", 0, Peer.READ, SIZE, 0);
    }

    /** The golden bytes of a whole reply, by hand. */
    @Test
    void bytesOfAReply() throws IOException {
        try (Peer peer = extended("root")) {
            peer.askExtended(0, Peer.READ, 0x1122334455667788L, 5 * MIB, 2);
            assertThat(peer.receive(42))
                    .isEqualTo(org.stiefelsystem.nbd.Hex.bytes(
                            "6e8a278c", // magic
                            "0001", // DONE
                            "0001", // OFFSET_DATA
                            "1122334455667788", // cookie
                            "0000000000500000", // offset of the request
                            "000000000000000a", // length
                            "0000000000500000", // offset of the data
                            "0101")); // data
        }
        try (Peer peer = structured("root")) {
            peer.ask(0, Peer.READ, 0x1122334455667788L, 6 * MIB, MIB);
            assertThat(peer.receive(32))
                    .isEqualTo(org.stiefelsystem.nbd.Hex.bytes(
                            "668e33ef", // magic
                            "0001", // DONE
                            "0002", // OFFSET_HOLE
                            "1122334455667788", // cookie
                            "0000000c", // length
                            "0000000000600000", // offset of the hole
                            "00100000")); // its size
        }
    }

    @Test
    void aReadThatBeginsInAHoleSaysSo() throws IOException {
        for (int length : new int[] {MIB + 65_536, 2 * MIB}) {
            try (Peer peer = structured("root")) {
                peer.ask(0, Peer.READ, 1, MIB, length);
                Peer.Chunk hole = peer.structured();
                assertThat(hole.type()).isEqualTo(HOLE);
                assertThat(hole.done()).isFalse();
                assertThat(hole.content().getLong()).isEqualTo(MIB);
                assertThat(hole.content().getInt()).isEqualTo(MIB);
                Peer.Chunk data = peer.structured();
                assertData(data, 2 * MIB, ones(length - MIB));
                if (!data.done()) {
                    assertIsOnlyChunk(peer.structured(), 0, 1);
                }
            }
        }
    }

    @Test
    void aReadThatIsNotToBeFragmentedIsOneChunkOfData() throws IOException {
        for (int length : new int[] {65_536, 2 * MIB}) {
            try (Peer peer = structured("root")) {
                peer.ask(DF, Peer.READ, 1, 0, length);
                Peer.Chunk data = peer.structured();
                assertData(data, 0, new byte[length]);
                if (!data.done()) {
                    assertIsOnlyChunk(peer.structured(), 0, 1);
                }
            }
        }
    }

    /** What may still fail while it is sent is not the last chunk. */
    @Test
    void aLargeReadIsAChunkOfTheFileAndAnEnd() throws IOException {
        try (Peer peer = extended("root")) {
            peer.askExtended(0, Peer.READ, 7, 2 * MIB, MIB);
            Peer.Chunk data = peer.extended(2 * MIB);
            assertThat(data.done()).isFalse();
            assertData(data, 2 * MIB, ones(MIB));
            assertIsOnlyChunk(peer.extended(2 * MIB), 0, 7);
        }
    }

    @Test
    void aReadThatFailsSaysWhere() throws IOException {
        disk.breakFrom(MIB);
        for (int length : new int[] {4096, MIB}) {
            try (Peer peer = structured("fake")) {
                peer.ask(0, Peer.READ, 1, MIB, length);
                Peer.Chunk chunk = peer.structured();
                assertThat(chunk.done()).isTrue();
                assertThat(chunk.type()).isEqualTo(ERROR_OFFSET);
                assertThat(chunk.error()).isEqualTo(EIO);
                assertThat(chunk.content().getLong(6)).isEqualTo(MIB);
                peer.ask(0, Peer.READ, 2, 0, 1);
                assertData(peer.structured(), 0, new byte[1]);
            }
        }
    }

    /** A chunk that was begun is completed, and its error told; the connection goes on. */
    @Test
    void aFileThatFailsWhileItIsSentIsToldByTheNextChunk() throws IOException {
        try (Peer peer = structured("root")) {
            try (FileChannel file = FileChannel.open(image, StandardOpenOption.WRITE)) {
                file.truncate(5 * MIB + 4096);
            }
            peer.ask(0, Peer.READ, 1, 5 * MIB, MIB);
            Peer.Chunk data = peer.structured();
            assertThat(data.done()).isFalse();
            assertData(data, 5 * MIB, Arrays.copyOf(ones(4096), MIB));
            Peer.Chunk error = peer.structured();
            assertThat(error.done()).isTrue();
            assertThat(error.type()).isEqualTo(ERROR_OFFSET);
            assertThat(error.error()).isEqualTo(EIO);
            assertThat(error.content().getLong(6)).isEqualTo(5 * MIB + 4096);
            // What lies behind the file's end is not a hole.
            peer.ask(0, Peer.READ, 2, 6 * MIB, MIB);
            assertThat(peer.structured().error()).isEqualTo(EIO);
            peer.ask(0, Peer.BLOCK_STATUS, 3, 6 * MIB, MIB);
            assertThat(statuses(peer.structured())).containsExactly(MIB + ":0");
        }
    }

    // ---- block status ----

    /** Length and flags of each descriptor. */
    private static List<String> statuses(Peer.Chunk chunk) {
        assertThat(chunk.content().getInt()).as("context").isEqualTo(1);
        boolean ext = chunk.type() == STATUS_EXT;
        assertThat(chunk.type()).isIn(STATUS, STATUS_EXT);
        int count = ext ? chunk.content().getInt() : -1;
        List<String> statuses = new ArrayList<>();
        while (chunk.content().hasRemaining()) {
            long length = ext ? chunk.content().getLong() : chunk.content().getInt();
            statuses.add(length + ":"
                    + (ext ? chunk.content().getLong() : chunk.content().getInt()));
        }
        if (ext) {
            assertThat(statuses).hasSize(count);
        }
        return statuses;
    }

    @Test
    void holesAndDataAreTold() throws IOException {
        String[] all = {2 * MIB + ":3", MIB + ":0", 2 * MIB + ":3", MIB + ":0", 2 * MIB + ":3"};
        try (Peer peer = structured("root")) {
            peer.ask(0, Peer.BLOCK_STATUS, 1, 0, SIZE);
            Peer.Chunk chunk = peer.structured();
            assertThat(chunk.done()).isTrue();
            assertThat(chunk.type()).isEqualTo(STATUS);
            assertThat(statuses(chunk)).containsExactly(all);
            peer.ask(0, Peer.BLOCK_STATUS, 2, 2 * MIB + 512, MIB);
            assertThat(statuses(peer.structured())).containsExactly(MIB - 512 + ":0", "512:3");
            peer.ask(REQ_ONE, Peer.BLOCK_STATUS, 3, 0, SIZE);
            assertThat(statuses(peer.structured())).containsExactly(2 * MIB + ":3");
            peer.ask(REQ_ONE, Peer.BLOCK_STATUS, 4, 2 * MIB, 512);
            assertThat(statuses(peer.structured())).containsExactly("512:0");
        }
        try (Peer peer = extended("root")) {
            peer.askExtended(0, Peer.BLOCK_STATUS, 1, 0, SIZE);
            Peer.Chunk chunk = peer.extended(0);
            assertThat(chunk.type()).isEqualTo(STATUS_EXT);
            assertThat(statuses(chunk)).containsExactly(all);
            peer.askExtended(
                    Peer.PAYLOAD_LEN | REQ_ONE,
                    Peer.BLOCK_STATUS,
                    2,
                    MIB,
                    12,
                    ByteBuffer.allocate(12).putLong(4096).putInt(1).array());
            assertThat(statuses(peer.extended(MIB))).containsExactly("4096:3");
        }
    }

    @Test
    void whatHasNoHolesIsData() throws IOException {
        try (Peer peer = structured("fake")) {
            peer.ask(0, Peer.BLOCK_STATUS, 1, 0, SIZE);
            assertThat(statuses(peer.structured())).containsExactly(SIZE + ":0");
        }
    }

    @Test
    void aReplyHasABoundedNumberOfExtents() throws IOException {
        Path sparse = directory.resolve("sparse");
        int pieces = 5000;
        try (RandomAccessFile file = new RandomAccessFile(sparse.toFile(), "rw")) {
            file.setLength(pieces * 2L * 4096);
            for (int i = 0; i < pieces; i++) {
                file.seek(i * 2L * 4096);
                file.write(1);
            }
        }
        for (int limit : new int[] {7, 16 << 10}) {
            try (TestServer other = TestServer.of(
                            NbdLimits.defaults().withEffort(SIZE, limit), Export.open("sparse", sparse, true));
                    Peer peer = Peer.in(other.address(), "sparse", Peer.OPT_EXTENDED)) {
                peer.askExtended(0, Peer.BLOCK_STATUS, 1, 0, pieces * 2L * 4096);
                List<String> statuses = statuses(peer.extended(0));
                Tool.require(statuses.size() > 1, "this file system tells no holes");
                assertThat(statuses).hasSize(Math.min(limit, 2 * pieces));
                assertThat(statuses.subList(0, 3)).containsExactly("4096:0", "4096:3", "4096:0");
            }
        }
    }

    // ---- lengths of 64 bits ----

    @Test
    void lengthsOf64Bits() throws IOException {
        Path huge = directory.resolve("huge");
        long size = 1L << 42;
        try (RandomAccessFile file = new RandomAccessFile(huge.toFile(), "rw")) {
            file.setLength(size);
            file.seek(1L << 41);
            file.write(1);
        }
        try (TestServer other = TestServer.of(NbdLimits.defaults(), Export.open("huge", huge, false));
                Peer peer = Peer.in(other.address(), "huge", Peer.OPT_EXTENDED)) {
            peer.askExtended(0, Peer.BLOCK_STATUS, 1, 0, size);
            assertThat(statuses(peer.extended(0)))
                    .containsExactly((1L << 41) + ":3", "4096:0", ((1L << 41) - 4096) + ":3");
            for (int type : new int[] {Peer.CACHE, Peer.WRITE_ZEROES, Peer.TRIM}) {
                peer.askExtended(0, type, type, 0, size);
                assertIsOnlyChunk(peer.extended(0), 0, type);
                peer.askExtended(0, type, type, 1, size);
                assertIsOnlyChunk(peer.extended(1), type == Peer.WRITE_ZEROES ? ENOSPC : EINVAL, type);
                peer.askExtended(0, type, type, 0, -1);
                assertIsOnlyChunk(peer.extended(0), type == Peer.WRITE_ZEROES ? ENOSPC : EINVAL, type);
            }
            peer.askExtended(FAST_ZERO, Peer.WRITE_ZEROES, 3, 0, size);
            assertIsOnlyChunk(peer.extended(0), 0, 3);
            peer.askExtended(0, Peer.BLOCK_STATUS, 4, 0, size);
            assertThat(statuses(peer.extended(0))).containsExactly(size + ":3");
        }
    }

    @Test
    void writesWithExtendedHeaders() throws IOException {
        try (Peer peer = extended("root")) {
            for (int length : new int[] {1, 4096, 131_073, MIB}) {
                peer.askExtended(Peer.PAYLOAD_LEN | FUA, Peer.WRITE, length, 12_345, length, ones(length));
                assertIsOnlyChunk(peer.extended(12_345), 0, length);
            }
            peer.askExtended(DF, Peer.READ, 1, 12_344, 3);
            assertData(peer.extended(12_344), 12_344, new byte[] {0, 1, 1});
            peer.askExtended(Peer.PAYLOAD_LEN, Peer.WRITE, 2, 0, 0);
            assertIsOnlyChunk(peer.extended(0), 0, 2);
        }
    }

    @Test
    void cacheAsksForNoMoreThanARead() throws IOException {
        try (Peer peer = extended("fake")) {
            peer.askExtended(0, Peer.CACHE, 1, 4096, 8192);
            assertIsOnlyChunk(peer.extended(4096), 0, 1);
            assertThat(disk.calls()).containsExactly("willNeed 8192");
        }
    }

    @Test
    void anEndAnywhereInARequestIsSurvived() throws IOException {
        ByteBuffer write = Peer.extended(Peer.PAYLOAD_LEN, Peer.WRITE, 1, 0, 8, ones(8));
        ByteBuffer selection = Peer.extended(
                Peer.PAYLOAD_LEN,
                Peer.BLOCK_STATUS,
                1,
                0,
                12,
                ByteBuffer.allocate(12).putLong(SIZE).putInt(1).array());
        for (ByteBuffer request : new ByteBuffer[] {write, selection}) {
            for (int length = 0; length < request.position(); length++) {
                try (Peer peer = extended("fake")) {
                    peer.send(request.duplicate().position(length));
                    peer.hearToTheEnd();
                }
            }
        }
        assertThat(disk.calls()).as("what was done of parts of requests").isEmpty();
        try (Peer peer = extended("fake")) {
            peer.send(write);
            assertIsOnlyChunk(peer.extended(0), 0, 1);
        }
    }

    @Test
    void anEndInTheMiddleOfAChunkIsSurvived() throws IOException {
        for (int i = 0; i < 5; i++) {
            try (Peer peer = structured("root")) {
                peer.ask(0, Peer.READ, 1, 2 * MIB, MIB);
                peer.receive(100);
            }
        }
        try (Peer peer = simple("root")) {
            peer.ask(0, Peer.DISC, 1, 0, 0);
            assertThatIOException().isThrownBy(() -> peer.receive(1));
        }
    }
}
