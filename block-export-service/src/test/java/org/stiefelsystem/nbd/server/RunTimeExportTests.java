package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.nbd.export.DiskPart;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.FakeDisk;
import org.stiefelsystem.nbd.export.Leases;
import org.stiefelsystem.nbd.export.RefusedException;

/** Exports that come, grow, fail and go under connected clients; what is logged of each connection; strange names. */
@NullUnmarked
class RunTimeExportTests {

    private static final int SIZE = 4 << 20;
    private static final String BOOT_ID = "0123456789abcdef0123456789abcdef";
    private static final int ERR_INVALID = 0x8000_0003;
    private static final int ERR_UNKNOWN = 0x8000_0006;
    private static final int EIO = 5;
    private static final int EINVAL = 22;

    @TempDir
    private Path directory;

    private Path image;
    private Leases leases;
    private Exports exports;
    private Export root;
    private NbdServer server;
    private final List<String> audits = new CopyOnWriteArrayList<>();
    private final Handler listening = new Handler() {
        @Override
        public void publish(LogRecord record) {
            if (record.getMessage().startsWith("audit ")) {
                audits.add(record.getMessage());
            }
        }

        @Override
        public void flush() {
            // Nothing is kept back.
        }

        @Override
        public void close() {
            // Nothing is open.
        }
    };

    @BeforeEach
    void start() throws IOException {
        image = directory.resolve("root.img");
        try (FileChannel file = FileChannel.open(image, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            file.write(ByteBuffer.wrap(new byte[] {1}), SIZE - 1);
        }
        leases = Leases.in(directory.resolve("leases"), "this run");
        exports = new Exports(leases);
        root = Export.open("root", image, false);
        exports.add(root);
        server = new NbdServer(
                new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0),
                exports,
                NbdLimits.defaults(),
                NbdObserver.NONE);
        server.start();
        Logger.getLogger(NbdConnection.class.getName()).addHandler(listening);
    }

    @AfterEach
    void stop() throws IOException {
        Logger.getLogger(NbdConnection.class.getName()).removeHandler(listening);
        server.close();
        exports.close();
        leases.close();
    }

    private Peer in(String export) throws IOException {
        return Peer.in(server.address(), export);
    }

    private String audit() {
        await().until(() -> !audits.isEmpty());
        return audits.getLast();
    }

    // ---- added, grown, removed ----

    @Test
    void anExportThatIsAddedIsServedAtOnce() throws IOException {
        exports.add(Export.memory("later", SIZE));
        try (Peer peer = in("later")) {
            peer.ask(0, Peer.READ, 1, 0, 4);
            assertThat(peer.answer(1)).isZero();
        }
    }

    @Test
    void aRangeIsReadAndWrittenInItsPlaceBySendfileToo() throws IOException {
        int offset = 1 << 20;
        server.remove(root);
        exports.add(Export.open("part", image, false, new DiskPart.Range(offset, null)));
        byte[] pattern = new byte[300_000];
        for (int i = 0; i < pattern.length; i++) {
            pattern[i] = (byte) (i * 31);
        }
        try (Peer peer = in("part")) {
            peer.ask(0, Peer.WRITE, 1, 512, pattern.length, pattern);
            assertThat(peer.answer(1)).isZero();
            for (int length : new int[] {1000, pattern.length}) {
                peer.ask(0, Peer.READ, 2, 512, length);
                assertThat(peer.answer(2)).isZero();
                assertThat(peer.receive(length)).isEqualTo(ByteBuffer.wrap(pattern, 0, length));
            }
            peer.ask(0, Peer.READ, 3, SIZE - offset - 4, 8);
            assertThat(peer.answer(3)).isEqualTo(EINVAL);
        }
        byte[] all = Files.readAllBytes(image);
        assertThat(all[offset + 511]).isZero();
        assertThat(ByteBuffer.wrap(all, offset + 512, pattern.length)).isEqualTo(ByteBuffer.wrap(pattern));
    }

    @Test
    void newConnectionsSeeTheNewSizeAndOldOnesKeepTheirs() throws IOException {
        try (Peer before = in("root")) {
            before.ask(0, Peer.READ, 0, 0, 0);
            assertThat(before.answer(0)).isZero();
            Files.write(image, new byte[SIZE], StandardOpenOption.APPEND);
            root.grow();
            before.ask(0, Peer.READ, 1, SIZE, 1);
            assertThat(before.answer(1)).isEqualTo(EINVAL);
            try (Peer after = in("root")) {
                after.ask(0, Peer.READ, 2, SIZE, 1);
                assertThat(after.answer(2)).isZero();
            }
        }
    }

    @Test
    void removingAnswersWhatRunsFlushesAndCloses() throws Exception {
        FakeDisk disk = new FakeDisk(SIZE);
        Export slow = disk.export("slow");
        exports.add(slow);
        CountDownLatch release = new CountDownLatch(1);
        disk.holdSyncs(release);
        try (Peer peer = in("slow");
                Peer other = in("root")) {
            peer.ask(0, Peer.WRITE, 1, 0, 4, new byte[4]);
            peer.ask(0, Peer.FLUSH, 2, 0, 0);
            assertThat(peer.answer(1)).isZero();
            await().until(() -> disk.wasAsked("sync"));
            CompletableFuture<Void> removal = CompletableFuture.runAsync(() -> {
                try {
                    server.remove(slow);
                } catch (RefusedException e) {
                    throw new AssertionError(e);
                }
            });
            await().untilAsserted(() -> assertThatIOException()
                    .isThrownBy(() -> in("slow").close())
                    .withMessageContaining("the export is being removed"));
            assertThatExceptionOfType(RefusedException.class)
                    .isThrownBy(() -> server.remove(slow))
                    .withMessageContaining("is being removed already");
            assertThat(removal).isNotDone();
            release.countDown();
            assertThat(peer.answer(2)).isZero();
            assertThat(peer.closedByServer()).isTrue();
            removal.join();
            assertThat(disk.calls()).containsExactly("write", "sync", "sync", "close");
            other.ask(0, Peer.READ, 3, 0, 4);
            assertThat(other.answer(3)).isZero();
        }
        assertThatIOException()
                .isThrownBy(() -> in("slow").close())
                .withMessageContaining("no export is named \"slow\"");
        assertThat(audits).anyMatch(line -> line.contains("export=\"slow\"") && line.endsWith("ended=\"stopped\""));
        exports.add(Export.memory("slow", 4096));
        in("slow").close();
    }

    @Test
    void removingIsRefusedWhileAGuestHasALeaseAndDoneWhenThatWasBroken() throws IOException {
        leases.register(BOOT_ID, "root");
        try (Peer guest = in("root@" + BOOT_ID)) {
            for (Runnable look : List.<Runnable>of(
                    () -> assertThatExceptionOfType(RefusedException.class)
                            .isThrownBy(() -> server.remove(root))
                            .satisfies(refused -> {
                                assertThat(refused.what())
                                        .isEqualTo(
                                                "Export root is not removed: it is leased to 127.0.0.1 (boot 01234567).");
                                assertThat(refused.remedy()).contains("stiefelctl exports lease break root");
                            }),
                    () -> assertThatExceptionOfType(RefusedException.class)
                            .isThrownBy(() -> leases.refuseWhileLeased(root, "grown"))
                            .withMessageContaining("is not grown"))) {
                look.run();
            }
            guest.ask(0, Peer.READ, 1, 0, 4);
            assertThat(guest.answer(1)).isZero();
            leases.breakLease("root", BOOT_ID);
            server.remove(root);
        }
        assertThat(exports.all()).isEmpty();
        assertThat(audit()).contains("boot=01234567").endsWith("ended=\"fenced\"");
        Export.open("root", image, false).close();
    }

    // ---- disks that go wrong ----

    @Test
    void aFileThatIsCutOffUnderUsIsAnErrorAndTheExportHasFailed() throws IOException {
        try (Peer peer = in("root")) {
            try (FileChannel file = FileChannel.open(image, StandardOpenOption.WRITE)) {
                file.truncate(SIZE / 2);
            }
            peer.ask(0, Peer.READ, 1, SIZE - 4096, 4096);
            assertThat(peer.answer(1)).isEqualTo(EIO);
            peer.ask(0, Peer.READ, 2, 0, 4);
            assertThat(peer.answer(2)).isZero();
            peer.receive(4);
            peer.ask(0, Peer.WRITE, 3, 0, 4, new byte[4]);
            assertThat(peer.answer(3)).isEqualTo(EIO);
            peer.ask(0, Peer.FLUSH, 4, 0, 0);
            assertThat(peer.answer(4)).isEqualTo(EIO);
        }
        assertThat(root.failure())
                .isEqualTo(image + " was cut off: of export root the last 2097152 bytes are missing.");
    }

    @Test
    void aLargeReadOfACutOffFileEndsTheConnectionAndItsRetryIsAnError() throws IOException {
        try (FileChannel file = FileChannel.open(image, StandardOpenOption.WRITE)) {
            file.truncate(SIZE / 2);
        }
        try (Peer peer = in("root")) {
            peer.ask(0, Peer.READ, 1, SIZE / 2, 1 << 20);
            assertThat(peer.answer(1)).isZero();
            assertThat(peer.closedByServer()).isTrue();
        }
        assertThat(audit()).contains("ended=\"I/O: ");
        try (Peer peer = in("root")) {
            peer.ask(0, Peer.READ, 1, SIZE / 2, 1 << 20);
            assertThat(peer.answer(1)).isEqualTo(EIO);
        }
        assertThat(root.failed()).isTrue();
    }

    @Test
    void aFileThatIsDeletedIsServedUntilItIsClosed() throws IOException {
        try (Peer peer = in("root")) {
            Files.delete(image);
            peer.ask(0, Peer.WRITE, 1, 0, 4, (byte) 1, (byte) 2, (byte) 3, (byte) 4);
            assertThat(peer.answer(1)).isZero();
            peer.ask(0, Peer.FLUSH, 2, 0, 0);
            assertThat(peer.answer(2)).isZero();
            peer.ask(0, Peer.READ, 3, 0, 4);
            assertThat(peer.answer(3)).isZero();
            assertThat(peer.receive(4).getInt()).isEqualTo(0x01020304);
        }
        assertThat(root.failed()).isFalse();
    }

    // ---- names ----

    private static ByteBuffer query(byte[] name) {
        return ByteBuffer.allocate(6 + name.length)
                .putInt(name.length)
                .put(name)
                .putShort((short) 0);
    }

    @Test
    void aNameOfAnyByteIsUnknownOrInvalidAndTheNextOptionIsRead() throws IOException {
        for (int value = 1; value < 256; value += 50) {
            try (Peer peer = Peer.greeted(server.address())) {
                for (int b = value; b < Math.min(256, value + 50); b++) {
                    peer.option(Peer.OPT_GO, query(new byte[] {(byte) b}));
                    Peer.OptionReply reply = peer.reply();
                    assertThat(reply.type()).as("byte %d", b).isEqualTo(b < 128 ? ERR_UNKNOWN : ERR_INVALID);
                    assertThat(reply.text().chars()).as("byte %d", b).noneMatch(Character::isISOControl);
                }
                peer.go("root");
            }
        }
        for (int character = 128; character < 256; character += 30) {
            try (Peer peer = Peer.greeted(server.address())) {
                for (int c = character; c < Math.min(256, character + 30); c++) {
                    peer.option(Peer.OPT_INFO, query(Character.toString(c).getBytes(StandardCharsets.UTF_8)));
                    assertThat(peer.reply().type()).as("U+%x", c).isEqualTo(ERR_UNKNOWN);
                }
            }
        }
    }

    @Test
    void aNameMayBe4096BytesLongAndNoLonger() throws IOException {
        try (Peer peer = Peer.greeted(server.address())) {
            peer.option(Peer.OPT_GO, query("n".repeat(4096).getBytes(StandardCharsets.US_ASCII)));
            Peer.OptionReply reply = peer.reply();
            assertThat(reply.type()).isEqualTo(ERR_UNKNOWN);
            assertThat(reply.text()).isEqualTo("no export is named \"" + "n".repeat(64) + "…\"");
            peer.option(Peer.OPT_GO, query("n".repeat(4097).getBytes(StandardCharsets.US_ASCII)));
            assertThat(peer.reply().type()).isEqualTo(ERR_INVALID);
            peer.go("root");
        }
    }

    @Test
    void aNameThatCannotBeSeenDoesNotBreakALineOfTheLog() throws IOException {
        List<String> warnings = new ArrayList<>();
        Handler handler = new Handler() {
            @Override
            public void publish(LogRecord record) {
                warnings.add(java.text.MessageFormat.format(record.getMessage(), record.getParameters()));
            }

            @Override
            public void flush() {
                // Nothing is kept back.
            }

            @Override
            public void close() {
                // Nothing is open.
            }
        };
        Logger logger = Logger.getLogger(NbdServer.class.getName());
        logger.addHandler(handler);
        try (Peer peer = Peer.greeted(server.address())) {
            byte[] name = "a\nINFO: all is well\u202e{0}".getBytes(StandardCharsets.UTF_8);
            peer.option(Peer.OPT_EXPORT_NAME, ByteBuffer.allocate(name.length).put(name));
            assertThat(peer.closedByServer()).isTrue();
            await().until(() -> !warnings.isEmpty());
            assertThat(warnings)
                    .containsExactly("turned away 127.0.0.1: no export is named \"a?INFO: all is well?{0}\"");
            assertThat(server.turnedAway()).isEqualTo(1);
        } finally {
            logger.removeHandler(handler);
        }
    }

    // ---- audit ----

    @Test
    void aConnectionIsAuditedInOneLine() throws IOException {
        leases.register(BOOT_ID, "root");
        try (Peer peer = in("root@" + BOOT_ID)) {
            peer.ask(0, Peer.WRITE, 1, 0, 8, new byte[8]);
            peer.answer(1);
            peer.ask(0, Peer.READ, 2, 0, 16);
            peer.answer(2);
            peer.receive(16);
            peer.ask(0, Peer.READ, 3, SIZE, 16);
            assertThat(peer.answer(3)).isEqualTo(EINVAL);
            peer.ask(0, Peer.DISC, 4, 0, 0);
            assertThat(peer.closedByServer()).isTrue();
        }
        assertThat(audit())
                .matches("audit peer=127\\.0\\.0\\.1 export=\"root\" boot=01234567 read=16 written=8 requests=3"
                        + " seconds=\\d+\\.\\d{3} ended=\"disconnected\"");
    }

    @Test
    void whyAConnectionEndedIsSaid() throws IOException {
        in("root").close();
        assertThat(audit()).contains(" boot=- read=0 ").endsWith("ended=\"closed\"");
        audits.clear();
        try (Peer peer = in("root")) {
            peer.send(ByteBuffer.allocate(28).putInt(12345).position(28));
            assertThat(peer.closedByServer()).isTrue();
        }
        assertThat(audit()).contains("ended=\"violation: ").hasSizeLessThan(700);
        audits.clear();
        try (Peer peer = in("root")) {
            peer.send(ByteBuffer.allocate(7).position(7));
        }
        assertThat(audit()).endsWith("ended=\"violation: the connection ended in the middle of a request\"");
        audits.clear();
        try (Peer peer = in("root")) {
            server.close();
            assertThat(peer.closedByServer()).isTrue();
        }
        assertThat(audit()).endsWith("ended=\"stopped\"");
    }

    @Test
    void connectionsWithoutAnExportAreCountedAndNotAudited() throws IOException {
        Peer.mute(server.address()).close();
        try (Peer peer = Peer.greeted(server.address())) {
            peer.option(Peer.OPT_ABORT, ByteBuffer.allocate(0));
            peer.reply();
            assertThat(peer.closedByServer()).isTrue();
        }
        await().until(() -> server.turnedAway() == 2);
        assertThat(audits).isEmpty();
    }
}
