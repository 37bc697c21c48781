package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.FakeDisk;
import org.stiefelsystem.nbd.linux.Errno;
import org.stiefelsystem.nbd.linux.Failures;

/** A disk whose calls fail: the client gets the right error, for that request, and no success hides it. */
@NullUnmarked
@Timeout(60)
class IoErrorTests {

    private static final int SIZE = 4 << 20;
    private static final int FUA = 1;
    private static final int EPERM = 1;
    private static final int EIO = 5;
    private static final int ENOMEM = 12;
    private static final int ENOSPC = 28;
    private static final int EBADMSG = 74;
    private static final int EREMOTEIO = 121;

    private static final Map<String, Integer> COMMANDS = new LinkedHashMap<>(Map.of(
            "read", Peer.READ,
            "write", Peer.WRITE,
            "zero", Peer.WRITE_ZEROES,
            "trim", Peer.TRIM,
            "willNeed", Peer.CACHE));

    private FakeDisk disk;
    private Export root;
    private TestServer server;

    @BeforeEach
    void start() throws IOException {
        disk = new FakeDisk(SIZE);
        root = disk.export("root");
        server = TestServer.of(NbdLimits.defaults(), root);
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private static void ask(Peer peer, int flags, int type, long cookie) throws IOException {
        byte[] payload = type == Peer.WRITE ? new byte[] {1, 2, 3, 4} : new byte[0];
        peer.ask(flags, type, cookie, 0, type == Peer.FLUSH ? 0 : 4, payload);
    }

    @Test
    void aDiskThatFailsDoesNotFillTheLog() throws IOException {
        try (Faults faults = Faults.listen();
                Peer peer = Peer.in(server.address(), "root")) {
            disk.fail("write", Failures.of("write", Errno.ENOSPC));
            for (int i = 0; i < 2_000; i++) {
                ask(peer, 0, Peer.WRITE, i);
                assertThat(peer.answer(i)).isEqualTo(ENOSPC);
            }
            assertThat(faults.errors()).isBetween(20, 200);
        }
    }

    @Test
    void eachErrorOfADiskHasItsNumber() throws IOException {
        Map<Integer, Integer> numbers = Map.of(
                Errno.EIO,
                EIO,
                EBADMSG,
                EIO,
                EREMOTEIO,
                EIO,
                Errno.ENXIO,
                EIO,
                Errno.ENOSPC,
                ENOSPC,
                Errno.EDQUOT,
                ENOSPC,
                Errno.EFBIG,
                ENOSPC,
                Errno.EPERM,
                EPERM,
                Errno.EROFS,
                EPERM,
                Errno.ENOMEM,
                ENOMEM);
        try (Peer peer = Peer.in(server.address(), "root")) {
            for (Map.Entry<String, Integer> command : COMMANDS.entrySet()) {
                for (Map.Entry<Integer, Integer> number : numbers.entrySet()) {
                    disk.fail(command.getKey(), Failures.of(command.getKey(), number.getKey()));
                    ask(peer, 0, command.getValue(), 1);
                    assertThat(peer.answer(1))
                            .as("%s fails with %d", command.getKey(), number.getKey())
                            .isEqualTo(number.getValue());
                }
                disk.fail(command.getKey(), null);
                ask(peer, 0, command.getValue(), 2);
                assertThat(peer.answer(2)).isZero();
                if (command.getValue() == Peer.READ) {
                    peer.receive(4);
                }
            }
        }
        assertThat(root.failed())
                .as("nothing that was said to be written is lost")
                .isFalse();
    }

    /** There may be room again, but what was lost is not written by that. */
    @Test
    void aSyncThatFailsForWantOfSpaceIsAnErrorForGood() throws IOException {
        for (int errno : new int[] {Errno.ENOSPC, Errno.EDQUOT, Errno.EIO}) {
            FakeDisk full = new FakeDisk(SIZE);
            server.exports().add(full.export("full" + errno));
            full.fail("sync", Failures.of("fdatasync", errno));
            try (Peer peer = Peer.in(server.address(), "full" + errno)) {
                ask(peer, 0, Peer.WRITE, 1);
                assertThat(peer.answer(1)).isZero();
                ask(peer, 0, Peer.FLUSH, 2);
                assertThat(peer.answer(2)).isEqualTo(EIO);
                full.fail("sync", null);
                ask(peer, 0, Peer.FLUSH, 3);
                assertThat(peer.answer(3)).isEqualTo(EIO);
                ask(peer, FUA, Peer.WRITE, 4);
                assertThat(peer.answer(4)).isEqualTo(EIO);
            }
        }
    }

    @Test
    void anErrorBelongsToItsRequestAndNoSuccessHidesIt() throws IOException {
        disk.breakFrom(SIZE / 2);
        try (Peer peer = Peer.in(server.address(), "root")) {
            ByteBuffer all = ByteBuffer.allocate(100_000);
            for (int i = 0; i < 50; i++) {
                all.put(Peer.request(
                                0, Peer.WRITE, i, i % 2 == 0 ? i * 512L : SIZE - 512L * (i + 1), 512, new byte[512])
                        .flip());
            }
            peer.send(all);
            for (int i = 0; i < 50; i++) {
                assertThat(peer.answer(i)).isEqualTo(i % 2 == 0 ? 0 : EIO);
            }
            peer.ask(0, Peer.READ, 51, SIZE - 512, 512);
            assertThat(peer.answer(51)).isEqualTo(EIO);
            peer.ask(0, Peer.READ, 52, 0, 512);
            assertThat(peer.answer(52)).isZero();
        }
    }

    /** The kernel tells of a lost write once: whoever asks, on whichever connection, must hear of it. */
    @Test
    void aLostWriteIsToldToEveryConnection() throws IOException {
        CountDownLatch together = new CountDownLatch(1);
        disk.holdSyncs(together);
        disk.failOneSync();
        try (Peer one = Peer.in(server.address(), "root");
                Peer other = Peer.in(server.address(), "root")) {
            ask(one, 0, Peer.FLUSH, 1);
            await().until(() -> disk.wasAsked("sync"));
            ask(other, FUA, Peer.WRITE, 2);
            await().until(() -> disk.wasAsked("write"));
            together.countDown();
            assertThat(one.answer(1)).isEqualTo(EIO);
            assertThat(other.answer(2)).isEqualTo(EIO);
            try (Peer later = Peer.in(server.address(), "root")) {
                ask(later, 0, Peer.FLUSH, 3);
                assertThat(later.answer(3)).isEqualTo(EIO);
                ask(later, 0, Peer.READ, 4);
                assertThat(later.answer(4)).as("reads are not its matter").isZero();
            }
        }
        assertThat(root.failed()).isTrue();
    }

    @Test
    void aFaultOfOneExportIsNotAnothers() throws IOException {
        server.exports().add(new FakeDisk(SIZE).export("other"));
        disk.failSyncs(true);
        try (Peer peer = Peer.in(server.address(), "root");
                Peer other = Peer.in(server.address(), "other")) {
            ask(peer, 0, Peer.FLUSH, 1);
            assertThat(peer.answer(1)).isEqualTo(EIO);
            ask(other, 0, Peer.FLUSH, 2);
            assertThat(other.answer(2)).isZero();
        }
    }
}
