package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.Leases;
import org.stiefelsystem.nbd.export.RefusedException;

/** The conversation with a scripted peer, over real sockets. */
@NullUnmarked
class NbdServerTests {

    private static final int SIZE = 4 << 20;
    private static final String BOOT_ID = "0123456789abcdef0123456789abcdef";
    private static final int ERR_UNSUP = 0x8000_0001;
    private static final int ERR_POLICY = 0x8000_0002;
    private static final int ERR_INVALID = 0x8000_0003;
    private static final int ERR_UNKNOWN = 0x8000_0006;
    private static final int ERR_SHUTDOWN = 0x8000_0007;
    private static final int ERR_TOO_BIG = 0x8000_0009;
    private static final int EPERM = 1;
    private static final int EINVAL = 22;
    private static final int ENOSPC = 28;

    @TempDir
    private Path directory;

    private Exports exports;
    private NbdServer server;
    private Leases leases;
    private Export root;

    @BeforeEach
    void start() throws IOException {
        leases = Leases.in(directory.resolve("leases"), "this run");
        exports = new Exports(leases);
        root = Export.open("root", image("root.img"), false);
        exports.add(root);
        exports.add(Export.open("ro", image("ro.img"), true));
        exports.add(Export.memory("memory", SIZE));
        serve(NbdLimits.defaults());
    }

    private void serve(NbdLimits limits) throws IOException {
        if (server != null) {
            server.close();
        }
        server = new NbdServer(
                new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), exports, limits, NbdObserver.NONE);
        server.start();
    }

    private Path image(String name) throws IOException {
        Path image = directory.resolve(name);
        Files.write(image, new byte[SIZE]);
        return image;
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
        exports.close();
        leases.close();
    }

    private Peer in(String export) throws IOException {
        return Peer.in(server.address(), export);
    }

    private Peer greeted() throws IOException {
        return Peer.greeted(server.address());
    }

    private static byte[] pattern(int length, int seed) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (i * 7 + seed + (i >> 9));
        }
        return bytes;
    }

    // ---- options ----

    @Test
    void listNamesEveryExport() throws IOException {
        try (Peer peer = greeted()) {
            peer.option(Peer.OPT_LIST, ByteBuffer.allocate(0));
            List<String> names = new ArrayList<>();
            Peer.OptionReply reply = peer.reply();
            while (reply.type() == 2) {
                byte[] name = new byte[reply.content().getInt()];
                reply.content().get(name);
                names.add(new String(name, java.nio.charset.StandardCharsets.UTF_8));
                reply = peer.reply();
            }
            assertThat(reply.type()).isEqualTo(1);
            assertThat(names).containsExactly("root", "ro", "memory");
        }
    }

    @Test
    void listWithDataIsInvalidAndTheNextOptionIsRead() throws IOException {
        try (Peer peer = greeted()) {
            peer.option(Peer.OPT_LIST, ByteBuffer.allocate(9).putLong(1));
            assertThat(peer.reply().type()).isEqualTo(ERR_INVALID);
            peer.go("root");
        }
    }

    @Test
    void abortIsAcknowledged() throws IOException {
        try (Peer peer = greeted()) {
            peer.option(Peer.OPT_ABORT, ByteBuffer.allocate(4).putInt(7));
            assertThat(peer.reply().type()).isEqualTo(1);
            assertThat(peer.closedByServer()).isTrue();
        }
    }

    @Test
    void unknownOptionsAreUnsupportedAndTheNextIsRead() throws IOException {
        try (Peer peer = greeted()) {
            for (int option : new int[] {0, 4, 12, 13, -1}) {
                peer.option(option, ByteBuffer.allocate(8).putLong(option));
                Peer.OptionReply reply = peer.reply();
                assertThat(reply.type()).isEqualTo(ERR_UNSUP);
                assertThat(reply.option()).isEqualTo(option);
            }
            peer.go("root");
        }
    }

    @Test
    void infoAnswersAsGoDoes() throws IOException {
        try (Peer peer = greeted()) {
            List<List<Peer.OptionReply>> answers = new ArrayList<>();
            for (int option : new int[] {Peer.OPT_INFO, Peer.OPT_GO}) {
                peer.option(option, Peer.query("ro"));
                List<Peer.OptionReply> answer = new ArrayList<>();
                do {
                    Peer.OptionReply reply = peer.reply();
                    assertThat(reply.option()).isEqualTo(option);
                    answer.add(new Peer.OptionReply(0, reply.type(), reply.content()));
                } while (answer.getLast().type() == 3);
                answers.add(answer);
            }
            assertThat(answers.get(0)).isEqualTo(answers.get(1));
            ByteBuffer export = answers.get(0).get(0).content();
            assertThat(export.getShort()).isZero();
            assertThat(export.getLong()).isEqualTo(SIZE);
            assertThat(export.getShort()).isEqualTo((short) 0b101_0000_1111);
        }
    }

    @Test
    void infoOfAnUnknownExportIsUnknown() throws IOException {
        try (Peer peer = greeted()) {
            for (int option : new int[] {Peer.OPT_INFO, Peer.OPT_GO}) {
                peer.option(option, Peer.query("nothing"));
                Peer.OptionReply reply = peer.reply();
                assertThat(reply.type()).isEqualTo(ERR_UNKNOWN);
                assertThat(reply.text()).contains("nothing");
                peer.option(option, Peer.query(""));
                assertThat(peer.reply().type()).isEqualTo(ERR_UNKNOWN);
            }
        }
    }

    @Test
    void goWithWrongLengthsIsInvalid() throws IOException {
        try (Peer peer = greeted()) {
            peer.option(
                    Peer.OPT_GO, ByteBuffer.allocate(10).putInt(-1).putInt(0).putShort((short) 0));
            assertThat(peer.reply().type()).isEqualTo(ERR_INVALID);
            peer.option(Peer.OPT_INFO, ByteBuffer.allocate(3).putShort((short) 0));
            assertThat(peer.reply().type()).isEqualTo(ERR_INVALID);
            peer.go("root");
        }
    }

    @Test
    void exportNameGoesWithAndWithoutZeroes() throws IOException {
        try (Peer peer = greeted()) {
            peer.option(
                    Peer.OPT_EXPORT_NAME,
                    ByteBuffer.allocate(4).put("root".getBytes(java.nio.charset.StandardCharsets.US_ASCII)));
            assertThat(peer.receive(10).getLong()).isEqualTo(SIZE);
            peer.ask(0, Peer.READ, 1, 0, 1);
            assertThat(peer.answer(1)).isZero();
        }
        try (Peer peer = Peer.mute(server.address())) {
            peer.receive(18);
            peer.send(ByteBuffer.allocate(4).putInt(1));
            peer.option(
                    Peer.OPT_EXPORT_NAME,
                    ByteBuffer.allocate(4).put("root".getBytes(java.nio.charset.StandardCharsets.US_ASCII)));
            assertThat(peer.receive(134).getLong()).isEqualTo(SIZE);
            peer.ask(0, Peer.READ, 1, 0, 1);
            assertThat(peer.answer(1)).isZero();
        }
    }

    @Test
    void exportNameOfAnUnknownExportCloses() throws IOException {
        try (Peer peer = greeted()) {
            peer.option(Peer.OPT_EXPORT_NAME, ByteBuffer.allocate(4).putInt(0x41414141));
            assertThat(peer.closedByServer()).isTrue();
        }
    }

    @Test
    void unknownClientFlagsClose() throws IOException {
        try (Peer peer = Peer.mute(server.address())) {
            peer.receive(18);
            peer.send(ByteBuffer.allocate(4).putInt(7));
            assertThat(peer.closedByServer()).isTrue();
        }
    }

    @Test
    void garbageInTheHandshakeCloses() throws IOException {
        try (Peer peer = greeted()) {
            peer.send(ByteBuffer.allocate(16).putLong(1).putLong(2));
            assertThat(peer.closedByServer()).isTrue();
        }
        in("root").close();
    }

    @Test
    void anEndAnywhereInTheHandshakeIsSurvived() throws IOException {
        ByteBuffer query = Peer.query("root");
        ByteBuffer all = ByteBuffer.allocate(20 + query.position())
                .putInt(3)
                .putLong(0x49484156454F5054L)
                .putInt(Peer.OPT_GO)
                .putInt(query.position())
                .put(query.flip());
        for (int length = 0; length < all.position(); length++) {
            try (Peer peer = Peer.mute(server.address())) {
                peer.send(ByteBuffer.wrap(all.array()).position(length));
            }
        }
        in("root").close();
        await().until(() -> exports.leases().of("root").connections() == 0);
    }

    // ---- limits of the handshake ----

    @Test
    void dataAtTheLimitIsReadAndBeyondIsTooBig() throws IOException {
        int limit = NbdLimits.defaults().optionBytes();
        try (Peer peer = greeted()) {
            peer.option(99, ByteBuffer.allocate(limit).position(limit));
            assertThat(peer.reply().type()).isEqualTo(ERR_UNSUP);
            peer.option(99, ByteBuffer.allocate(limit + 1).position(limit + 1));
            assertThat(peer.reply().type()).isEqualTo(ERR_UNSUP);
            for (int option : new int[] {Peer.OPT_INFO, Peer.OPT_GO, Peer.OPT_LIST_META, Peer.OPT_SET_META}) {
                peer.option(option, ByteBuffer.allocate(limit + 1).position(limit + 1));
                assertThat(peer.reply().type()).isEqualTo(ERR_TOO_BIG);
            }
            for (int option : new int[] {Peer.OPT_LIST, Peer.OPT_STARTTLS, Peer.OPT_STRUCTURED, Peer.OPT_EXTENDED}) {
                peer.option(option, ByteBuffer.allocate(limit + 1).position(limit + 1));
                assertThat(peer.reply().type()).isEqualTo(ERR_INVALID);
            }
            peer.go("root");
        }
        try (Peer peer = greeted()) {
            peer.option(Peer.OPT_ABORT, ByteBuffer.allocate(limit + 1).position(limit + 1));
            assertThat(peer.reply().type()).isEqualTo(1);
            assertThat(peer.closedByServer()).isTrue();
        }
    }

    @Test
    void dataFarBeyondTheLimitCloses() throws IOException {
        for (int length : new int[] {-1, Integer.MAX_VALUE, NbdLimits.defaults().skippedOptionBytes() + 1}) {
            try (Peer peer = greeted()) {
                peer.optionHeader(Peer.OPT_GO, length);
                assertThat(peer.closedByServer()).isTrue();
            }
        }
    }

    @Test
    void tooManyOptionsClose() throws IOException {
        try (Peer peer = greeted()) {
            for (int i = 0; i < NbdLimits.defaults().optionsPerHandshake(); i++) {
                peer.option(99, ByteBuffer.allocate(0));
                assertThat(peer.reply().type()).isEqualTo(ERR_UNSUP);
            }
            assertThat(peer.closedByServer()).isTrue();
        }
    }

    @Test
    void connectionsHaveALimit() throws IOException {
        serve(NbdLimits.defaults().withConnections(3, 2));
        try (Peer first = greeted();
                Peer second = greeted()) {
            try (Peer third = Peer.mute(server.address())) {
                assertThat(third.closedByServer()).isTrue();
            }
            try (Peer another = Peer.greeted(server.address(), "127.0.0.2")) {
                another.go("ro");
            }
            first.go("root");
            second.go("root");
        }
    }

    // ---- leases ----

    @Test
    void aWritableExportServesOneAddressAtATime() throws IOException {
        try (Peer holder = in("root");
                Peer again = in("root");
                Peer other = Peer.greeted(server.address(), "127.0.0.2")) {
            for (int option : new int[] {Peer.OPT_INFO, Peer.OPT_GO}) {
                other.option(option, Peer.query("root"));
                Peer.OptionReply reply = other.reply();
                assertThat(reply.type()).isEqualTo(ERR_POLICY);
                assertThat(reply.text()).contains("in use by 127.0.0.1");
            }
            holder.ask(0, Peer.DISC, 0, 0, 0);
            await().until(() -> exports.leases().of("root").connections() == 1);
            other.option(Peer.OPT_GO, Peer.query("root"));
            assertThat(other.reply().type()).isEqualTo(ERR_POLICY);
            again.ask(0, Peer.DISC, 0, 0, 0);
            await().until(() -> exports.leases().of("root").connections() == 0);
            other.go("root");
            assertThat(exports.leases().of("root").holder().address()).hasToString("127.0.0.2");
        }
    }

    @Test
    void aReadOnlyExportServesEverybody() throws IOException {
        try (Peer one = in("ro");
                Peer other = Peer.greeted(server.address(), "127.0.0.2")) {
            other.go("ro");
            one.ask(0, Peer.READ, 1, 0, 1);
            assertThat(one.answer(1)).isZero();
        }
    }

    /** At ERR_POLICY a guest's boot would give up; at this it asks again, here and elsewhere. */
    @Test
    void whoComesWhileTheHostIsBeingStoppedMayAskAgain() throws IOException {
        leases.register(BOOT_ID, "root");
        leases.closeFor(Duration.ofMinutes(1));
        try (Peer peer = greeted()) {
            for (int option : new int[] {Peer.OPT_INFO, Peer.OPT_GO}) {
                peer.option(option, Peer.query("root@" + BOOT_ID));
                Peer.OptionReply reply = peer.reply();
                assertThat(reply.type()).isEqualTo(ERR_SHUTDOWN);
                assertThat(reply.text()).isEqualTo("the host is being stopped");
            }
            leases.reopen();
            peer.go("root@" + BOOT_ID);
        }
    }

    @Test
    void aServerThatEndsDoesNotMove() throws IOException {
        InetAddress elsewhere = InetAddress.ofLiteral("127.0.0.2");
        InetSocketAddress before = server.address();
        server.move(elsewhere);
        assertThat(server.address()).isEqualTo(new InetSocketAddress(elsewhere, before.getPort()));
        server.close();
        assertThatExceptionOfType(RefusedException.class).isThrownBy(() -> server.move(before.getAddress()));
        assertThat(server.running()).isFalse();
    }

    @Test
    void aBootIdMustBeRegistered() throws IOException {
        try (Peer peer = greeted()) {
            peer.option(Peer.OPT_GO, Peer.query("root@" + BOOT_ID));
            Peer.OptionReply reply = peer.reply();
            assertThat(reply.type()).isEqualTo(ERR_POLICY);
            assertThat(reply.text()).contains("never started this boot");
            leases.register(BOOT_ID, "root");
            peer.go("root@" + BOOT_ID);
        }
        try (Peer peer = greeted()) {
            peer.option(Peer.OPT_GO, Peer.query("ro@" + BOOT_ID));
            assertThat(peer.reply().type()).isEqualTo(ERR_POLICY);
        }
    }

    // ---- commands ----

    @Test
    void whatIsWrittenIsRead() throws IOException {
        for (String export : new String[] {"root", "memory"}) {
            try (Peer peer = in(export)) {
                int cookie = 0;
                // Around the buffers' sizes and the sizes at which the way of the data changes.
                for (int length : new int[] {1, 511, 4096, 131_071, 131_072, 131_073, 262_144, 262_200, 1_000_001}) {
                    byte[] written = pattern(length, ++cookie);
                    peer.ask(0, Peer.WRITE, cookie, 12_345, length, written);
                    assertThat(peer.answer(cookie)).isZero();
                    peer.ask(0, Peer.READ, cookie, 12_345, length);
                    assertThat(peer.answer(cookie)).isZero();
                    assertThat(peer.receive(length).array()).isEqualTo(written);
                }
            }
        }
    }

    @Test
    void requestsInOneSegmentAreAnsweredInOrder() throws IOException {
        try (Peer peer = in("root")) {
            ByteBuffer all = ByteBuffer.allocate(100_000);
            for (int i = 0; i < 100; i++) {
                all.put(Peer.request(0, Peer.WRITE, i, i * 512L, 512, pattern(512, i))
                        .flip());
            }
            peer.send(all);
            for (int i = 0; i < 100; i++) {
                assertThat(peer.answer(i)).isZero();
            }
            all.clear();
            for (int i = 0; i < 100; i++) {
                all.put(Peer.request(0, Peer.READ, i, i * 512L, 512).flip());
            }
            peer.send(all);
            for (int i = 0; i < 100; i++) {
                assertThat(peer.answer(i)).isZero();
                assertThat(peer.receive(512).array()).isEqualTo(pattern(512, i));
            }
        }
    }

    @Test
    void aRequestMayArriveByteByByte() throws IOException {
        try (Peer peer = in("root")) {
            ByteBuffer request = Peer.request(0, Peer.WRITE, 5, 0, 8, pattern(8, 5));
            for (int i = 0; i < request.position(); i++) {
                peer.send(ByteBuffer.allocate(1).put(request.get(i)));
            }
            assertThat(peer.answer(5)).isZero();
        }
    }

    @Test
    void readBeyondTheEndIsInvalid() throws IOException {
        try (Peer peer = in("root")) {
            peer.ask(0, Peer.READ, 1, SIZE - 1, 2);
            assertThat(peer.answer(1)).isEqualTo(EINVAL);
            peer.ask(0, Peer.READ, 2, -1, 2);
            assertThat(peer.answer(2)).isEqualTo(EINVAL);
            peer.ask(0, Peer.READ, 3, 0, -1);
            assertThat(peer.answer(3)).isEqualTo(EINVAL);
        }
    }

    @Test
    void writeBeyondTheEndHasNoSpaceAndItsPayloadIsSkipped() throws IOException {
        try (Peer peer = in("root")) {
            peer.ask(0, Peer.WRITE, 1, SIZE - 1, 300_000, pattern(300_000, 1));
            peer.ask(0, Peer.READ, 2, 0, 1);
            assertThat(peer.answer(1)).isEqualTo(ENOSPC);
            assertThat(peer.answer(2)).isZero();
        }
    }

    @Test
    void aWriteThatIsFarTooLongCloses() throws IOException {
        try (Peer peer = in("root")) {
            peer.ask(0, Peer.WRITE, 1, 0, -1);
            assertThat(peer.closedByServer()).isTrue();
        }
    }

    @Test
    void readOnlyExportsAreNotChanged() throws IOException {
        try (Peer peer = in("ro")) {
            peer.ask(0, Peer.WRITE, 1, 0, 4, pattern(4, 1));
            assertThat(peer.answer(1)).isEqualTo(EPERM);
            peer.ask(0, Peer.TRIM, 2, 0, 4);
            assertThat(peer.answer(2)).isEqualTo(EPERM);
            peer.ask(0, Peer.WRITE_ZEROES, 3, 0, 4);
            assertThat(peer.answer(3)).isEqualTo(EPERM);
            peer.ask(0, Peer.FLUSH, 4, 0, 0);
            assertThat(peer.answer(4)).isZero();
        }
    }

    @Test
    void zeroesAndTrimsAndFlushes() throws IOException {
        for (String export : new String[] {"root", "memory"}) {
            try (Peer peer = in(export)) {
                peer.ask(1, Peer.WRITE, 1, 0, 20_000, pattern(20_000, 1));
                assertThat(peer.answer(1)).isZero();
                peer.ask(3, Peer.WRITE_ZEROES, 2, 1_000, 9_000);
                assertThat(peer.answer(2)).isZero();
                peer.ask(0, Peer.WRITE_ZEROES, 3, 11_000, 1_000);
                assertThat(peer.answer(3)).isZero();
                peer.ask(1, Peer.TRIM, 4, 12_000, 1_000);
                assertThat(peer.answer(4)).isZero();
                peer.ask(0, Peer.FLUSH, 5, 0, 0);
                assertThat(peer.answer(5)).isZero();
                peer.ask(0, Peer.READ, 6, 0, 12_000);
                assertThat(peer.answer(6)).isZero();
                byte[] expected = java.util.Arrays.copyOf(pattern(20_000, 1), 12_000);
                java.util.Arrays.fill(expected, 1_000, 10_000, (byte) 0);
                java.util.Arrays.fill(expected, 11_000, 12_000, (byte) 0);
                assertThat(peer.receive(12_000).array()).isEqualTo(expected);
            }
        }
    }

    @Test
    void flushWithARangeAndUnknownFlagsAndCommandsAreInvalid() throws IOException {
        try (Peer peer = in("root")) {
            peer.ask(0, Peer.FLUSH, 1, 0, 1);
            assertThat(peer.answer(1)).isEqualTo(EINVAL);
            peer.ask(4, Peer.READ, 2, 0, 1);
            assertThat(peer.answer(2)).isEqualTo(EINVAL);
            peer.ask(32, Peer.WRITE_ZEROES, 3, 0, 1);
            assertThat(peer.answer(3)).isEqualTo(EINVAL);
            for (int type : new int[] {9, 10, 0xffff}) {
                peer.ask(0, type, 4, 0, 1);
                assertThat(peer.answer(4)).isEqualTo(EINVAL);
            }
        }
    }

    @Test
    void lengthZeroIsDone() throws IOException {
        try (Peer peer = in("root")) {
            for (int type : new int[] {Peer.READ, Peer.WRITE, Peer.TRIM, Peer.WRITE_ZEROES}) {
                peer.ask(0, type, type, 0, 0);
                assertThat(peer.answer(type)).isZero();
            }
        }
    }

    @Test
    void wrongMagicCloses() throws IOException {
        try (Peer peer = in("root")) {
            peer.send(ByteBuffer.allocate(28).putInt(0x25609514).position(28));
            assertThat(peer.closedByServer()).isTrue();
        }
    }

    @Test
    void discAnswersWhatIsOutstandingAndCloses() throws IOException {
        try (Peer peer = in("root")) {
            ByteBuffer all = ByteBuffer.allocate(200)
                    .put(Peer.request(0, Peer.WRITE, 1, 0, 4, pattern(4, 1)).flip())
                    .put(Peer.request(0, Peer.READ, 2, 0, 4).flip())
                    .put(Peer.request(0, Peer.DISC, 3, 0, 0).flip());
            peer.send(all);
            assertThat(peer.answer(1)).isZero();
            assertThat(peer.answer(2)).isZero();
            assertThat(peer.receive(4).array()).isEqualTo(pattern(4, 1));
            assertThat(peer.closedByServer()).isTrue();
        }
    }

    @Test
    void aFileThatWasCutOffGivesAnErrorAndNoLies() throws IOException {
        try (java.nio.channels.FileChannel file = java.nio.channels.FileChannel.open(
                directory.resolve("ro.img"), java.nio.file.StandardOpenOption.WRITE)) {
            file.truncate(SIZE / 2);
        }
        try (Peer peer = in("ro")) {
            peer.ask(0, Peer.READ, 1, SIZE / 2 - 1, 2);
            assertThat(peer.answer(1)).isEqualTo(5);
            // Its header has been sent when sendfile fails, so the connection ends …
            peer.ask(0, Peer.READ, 2, SIZE / 2 - 1, 200_000);
            assertThat(peer.answer(2)).isZero();
            assertThatIOException().isThrownBy(() -> peer.receive(200_000));
        }
        try (Peer peer = in("ro")) {
            // … and the retry gets its error.
            peer.ask(0, Peer.READ, 3, SIZE / 2 - 1, 200_000);
            assertThat(peer.answer(3)).isEqualTo(5);
            peer.ask(0, Peer.READ, 4, 0, 200_000);
            assertThat(peer.answer(4)).isZero();
            peer.receive(200_000);
        }
    }

    // ---- start and stop ----

    @Test
    void aStopAnswersWhatWasReceivedAndCloses() throws Exception {
        try (Peer peer = in("root");
                Peer waiting = greeted()) {
            peer.ask(0, Peer.WRITE, 1, 0, 4, pattern(4, 1));
            assertThat(peer.answer(1)).isZero();
            server.close();
            assertThat(peer.closedByServer()).isTrue();
            assertThat(waiting.closedByServer()).isTrue();
        }
        assertThat(server.running()).isFalse();
        assertThat(exports.leases().of("root").holder()).isNull();
    }

    @Test
    void aStopDoesNotWaitForAPeerThatDoesNotRead() throws IOException {
        try (Peer peer = in("root")) {
            for (int read = 0; read < 20; read++) {
                peer.ask(0, Peer.READ, read, 0, SIZE);
            }
            await().until(() -> server.inFlightBytes() > 0);
            long start = System.nanoTime();
            server.close();
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(10));
        }
    }

    @Test
    void aServerStartsAgainAfterAStop() throws IOException {
        server.close();
        server.start();
        in("root").close();
    }

    @Test
    void aPortInUseIsRefusedByNameOfItsHolder() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"));
                NbdServer second = new NbdServer(
                        (InetSocketAddress) taken.getLocalSocketAddress(),
                        exports,
                        NbdLimits.defaults(),
                        NbdObserver.NONE)) {
            assertThatExceptionOfType(RefusedException.class)
                    .isThrownBy(second::start)
                    .withMessageContaining("TCP port " + taken.getLocalPort())
                    .withMessageContaining("(pid " + ProcessHandle.current().pid() + ")");
        }
    }

    @Test
    void anAddressThatIsNotHereIsRefused() throws IOException {
        for (String address : new String[] {"192.0.2.1", "fe80::1", "2001:db8::1"}) {
            try (NbdServer second = new NbdServer(
                    new InetSocketAddress(InetAddress.ofLiteral(address), 0),
                    exports,
                    NbdLimits.defaults(),
                    NbdObserver.NONE)) {
                assertThatExceptionOfType(RefusedException.class)
                        .isThrownBy(second::start)
                        .withMessageContaining(address);
            }
        }
    }
}
