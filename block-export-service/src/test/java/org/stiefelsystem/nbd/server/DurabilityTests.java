package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.FakeDisk;
import org.stiefelsystem.nbd.export.Leases;
import org.stiefelsystem.nbd.export.RefusedException;

/** What is said to be on stable storage is there: a disk that fails, behind a real server. */
@NullUnmarked
class DurabilityTests {

    private static final int SIZE = 4 << 20;
    private static final int FUA = 1;
    private static final int EIO = 5;

    private static final String BOOT_ID = "0123456789abcdef0123456789abcdef";

    @TempDir
    private Path directory;

    private FakeDisk disk;
    private Leases leases;
    private Export root;
    private Exports exports;
    private NbdServer server;

    @BeforeEach
    void start() throws IOException {
        disk = new FakeDisk(SIZE);
        root = disk.export("root");
        leases = Leases.in(directory.resolve("leases"), "this run");
        exports = new Exports(leases);
        exports.add(root);
        serve(NbdLimits.defaults(), new BufferPool(NbdLimits.defaults()));
    }

    private void serve(NbdLimits limits, BufferPool pool) throws IOException {
        if (server != null) {
            server.close();
        }
        server = new NbdServer(
                new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), exports, limits, NbdObserver.NONE, pool);
        server.start();
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
        exports.close();
        leases.close();
    }

    @Test
    void flushAndFuaReachTheDiskAndNothingElseDoes() throws IOException {
        try (Peer peer = Peer.in(server.address(), "root")) {
            peer.ask(0, Peer.WRITE, 1, 0, 4, new byte[4]);
            peer.ask(0, Peer.TRIM, 2, 0, 4);
            peer.ask(0, Peer.WRITE_ZEROES, 3, 0, 4);
            peer.ask(0, Peer.READ, 4, 0, 0);
            for (int cookie = 1; cookie <= 4; cookie++) {
                assertThat(peer.answer(cookie)).isZero();
            }
            assertThat(disk.calls()).containsExactly("write", "trim", "zero");
            peer.ask(0, Peer.FLUSH, 5, 0, 0);
            assertThat(peer.answer(5)).isZero();
            assertThat(disk.calls()).containsExactly("sync");
            peer.ask(FUA, Peer.WRITE, 6, 0, 4, new byte[4]);
            assertThat(peer.answer(6)).isZero();
            assertThat(disk.calls()).containsExactly("write", "sync");
            peer.ask(FUA, Peer.TRIM, 7, 0, 4);
            assertThat(peer.answer(7)).isZero();
            assertThat(disk.calls()).containsExactly("trim", "sync");
            peer.ask(FUA, Peer.WRITE_ZEROES, 8, 0, 4);
            assertThat(peer.answer(8)).isZero();
            assertThat(disk.calls()).containsExactly("zero", "sync");
        }
    }

    /** A service that is killed between two pieces of a write leaves every sector old or new. */
    @ParameterizedTest
    @CsvSource({"0, 20001", "512, 20001", "1, 20001", "4095, 8193"})
    void aWriteThatArrivesInPiecesIsCutBetweenSectors(int offset, int first) throws Exception {
        byte[] payload = new byte[100_000];
        new Random(1).nextBytes(payload);
        ByteBuffer request = Peer.request(0, Peer.WRITE, 1, offset, payload.length, payload);
        int rest = payload.length - first;
        try (Peer peer = Peer.in(server.address(), "root")) {
            peer.send(ByteBuffer.allocate(28 + first).put(request.slice(0, 28 + first)));
            await().until(() -> !disk.endsOfWrites().isEmpty());
            peer.send(ByteBuffer.allocate(rest).put(payload, first, rest));
            assertThat(peer.answer(1)).isZero();
            List<Long> ends = disk.endsOfWrites();
            assertThat(ends.getLast()).isEqualTo(offset + payload.length);
            assertThat(ends.subList(0, ends.size() - 1)).isNotEmpty().allMatch(end -> end % 4096 == 0);
            peer.ask(0, Peer.READ, 2, offset, payload.length);
            assertThat(peer.answer(2)).isZero();
            assertThat(peer.receive(payload.length).array()).isEqualTo(payload);
        }
    }

    @Test
    void aFailedSyncIsToldAndStaysFailed() throws IOException {
        disk.failSyncs(true);
        try (Peer peer = Peer.in(server.address(), "root")) {
            peer.ask(FUA, Peer.WRITE, 1, 0, 4, new byte[4]);
            assertThat(peer.answer(1)).isEqualTo(EIO);
        }
        disk.failSyncs(false);
        assertThat(root.failed()).isTrue();
        try (Peer peer = Peer.in(server.address(), "root")) {
            peer.ask(0, Peer.FLUSH, 2, 0, 0);
            assertThat(peer.answer(2)).isEqualTo(EIO);
            for (int type : new int[] {Peer.TRIM, Peer.WRITE_ZEROES}) {
                peer.ask(FUA, type, type, 0, 4);
                assertThat(peer.answer(type)).isEqualTo(EIO);
            }
            peer.ask(0, Peer.WRITE, 3, 0, 4, new byte[4]);
            assertThat(peer.answer(3)).isZero();
        }
    }

    @Test
    void aGuestIsNotLetBackWhenTheLastFlushFailed() throws IOException {
        leases.register(BOOT_ID, "root");
        try (Peer peer = Peer.in(server.address(), "root@" + BOOT_ID)) {
            peer.ask(0, Peer.WRITE, 1, 0, 4, new byte[4]);
            assertThat(peer.answer(1)).isZero();
            disk.failSyncs(true);
            server.close();
        }
        assertThat(leases.of("root").holder()).isNull();
        leases.close();
        assertThat(Files.readString(directory.resolve("leases"))).contains("the disk failed when the service ended");
    }

    @Test
    void aWriteThatFailsInItsMiddleIsReceivedToItsEnd() throws IOException {
        disk.breakFrom(300_000);
        try (Peer peer = Peer.in(server.address(), "root")) {
            byte[] payload = new byte[1_000_000];
            java.util.Arrays.fill(payload, (byte) 7);
            peer.ask(FUA, Peer.WRITE, 1, 0, payload.length, payload);
            peer.ask(0, Peer.READ, 2, 0, 3);
            assertThat(peer.answer(1)).isEqualTo(EIO);
            assertThat(peer.answer(2)).isZero();
            assertThat(peer.receive(3)).isEqualTo(ByteBuffer.wrap(new byte[] {7, 7, 7}));
            List<String> calls = disk.calls();
            assertThat(calls).doesNotContain("sync").endsWith("broken write");
            assertThat(calls).containsOnlyOnce("broken write");
        }
    }

    @Test
    void aStopAnswersWhatWasReceived() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        disk.holdSyncs(release);
        try (Peer peer = Peer.in(server.address(), "root")) {
            peer.ask(0, Peer.FLUSH, 1, 0, 0);
            await().until(() -> disk.wasAsked("sync"));
            InetSocketAddress address = server.address();
            Thread stop = Thread.ofPlatform().start(server::close);
            await().until(() -> refuses(address) && stop.getState() == Thread.State.TIMED_WAITING);
            assertThatExceptionOfType(RefusedException.class)
                    .as("its listener would outlive the server")
                    .isThrownBy(() -> server.move(InetAddress.ofLiteral("127.0.0.2")));
            release.countDown();
            assertThat(peer.answer(1)).isZero();
            assertThat(peer.closedByServer()).isTrue();
            stop.join();
        }
        assertThat(disk.calls()).containsExactly("sync", "sync");
    }

    private static boolean refuses(InetSocketAddress address) {
        try {
            Peer.mute(address).close();
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    @Test
    void aConnectionWithoutMemoryKeepsNoLease() throws IOException {
        AtomicBoolean full = new AtomicBoolean(true);
        NbdLimits limits = NbdLimits.defaults();
        serve(limits, new BufferPool(limits, capacity -> {
            if (capacity == limits.receiveBytes() && full.get()) {
                throw new OutOfMemoryError("as the test wants it");
            }
            return ByteBuffer.allocateDirect(capacity);
        }));
        try (Peer peer = Peer.in(server.address(), "root")) {
            assertThat(peer.closedByServer()).isTrue();
        }
        await().until(() -> exports.leases().of("root").connections() == 0);
        full.set(false);
        try (Peer peer = Peer.greeted(server.address(), "127.0.0.2")) {
            peer.go("root");
            assertThat(exports.leases().of("root").holder().address()).hasToString("127.0.0.2");
        }
    }

    /** A disk that hangs for ever must not keep the machine from shutting down. */
    @Test
    void aStopDoesNotWaitForADiskThatDoesNotAnswer() throws IOException {
        NbdLimits limits = NbdLimits.defaults().withStop(Duration.ofMillis(100), Duration.ofMillis(300));
        serve(limits, new BufferPool(limits));
        CountDownLatch release = new CountDownLatch(1);
        disk.holdSyncs(release);
        try (Peer peer = Peer.in(server.address(), "root")) {
            peer.ask(0, Peer.FLUSH, 1, 0, 0);
            await().until(() -> disk.wasAsked("sync"));
            long start = System.nanoTime();
            server.close();
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(10));
            assertThat(server.running()).isFalse();
        } finally {
            release.countDown();
        }
        await().until(() -> exports.leases().of("root").connections() == 0);
    }
}
