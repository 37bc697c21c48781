package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.FakeDisk;
import org.stiefelsystem.nbd.export.Lease;
import org.stiefelsystem.nbd.export.Leases;

/**
 * Safety rule 2: one writer, fenced; its words in their order, over real connections. What an old write does that comes
 * late is in {@link FenceTests}, and every turn of a lease in LeasesTests.
 */
@NullUnmarked
@Tag("safety-rule-2")
@Timeout(60)
class SafetyRule2Tests {

    private static final String BOOT = "0123456789abcdef0123456789abcdef";
    private static final String NEXT_BOOT = "fedcba9876543210fedcba9876543210";
    private static final int ERR_POLICY = 0x8000_0002;

    @TempDir
    private Path directory;

    private FakeDisk disk;
    private Leases leases;
    private Exports exports;
    private NbdServer server;

    @BeforeEach
    void start() throws IOException {
        disk = new FakeDisk(1 << 20);
        leases = Leases.in(directory.resolve("leases"), "this run");
        leases.register(BOOT, "root");
        leases.register(NEXT_BOOT, "root");
        exports = new Exports(leases);
        exports.add(disk.export("root"));
        server = new NbdServer(
                new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0),
                exports,
                NbdLimits.defaults(),
                NbdObserver.NONE);
        server.start();
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
        exports.close();
        leases.close();
    }

    private Peer in(String bootId) throws IOException {
        return Peer.in(server.address(), "root@" + bootId);
    }

    private Peer in(String bootId, String from) throws IOException {
        Peer peer = Peer.greeted(server.address(), from);
        peer.go("root@" + bootId);
        return peer;
    }

    private String refusal(String asked, String from) throws IOException {
        try (Peer peer = Peer.greeted(server.address(), from)) {
            peer.option(Peer.OPT_GO, Peer.query(asked));
            Peer.OptionReply reply = peer.reply();
            assertThat(reply.type()).isEqualTo(ERR_POLICY);
            return reply.text();
        }
    }

    private static void assertServed(Peer peer) throws IOException {
        peer.ask(0, Peer.WRITE, 7, 0, 4, new byte[4]);
        assertThat(peer.answer(7)).isZero();
    }

    @Test
    void aWritableExportCarriesALeaseOfAddressAndBootId() throws IOException {
        try (Peer guest = in(BOOT, "127.0.0.3")) {
            assertServed(guest);
            assertThat(leases.of("root").holder().address()).hasToString("127.0.0.3");
            assertThat(leases.of("root").holder().bootId()).isEqualTo(BOOT);
            assertThat(leases.of("root").state()).isEqualTo(Lease.State.HELD);
        }
    }

    @Test
    void theBootIdAloneAdmitsAReconnectAndTheAddressIsUpdated() throws IOException {
        try (Peer before = in(BOOT, "127.0.0.2")) {
            assertServed(before);
            try (Peer after = in(BOOT, "127.0.0.3")) {
                assertServed(after);
                assertThat(before.closedByServer()).isTrue();
                assertThat(leases.of("root").holder().address()).hasToString("127.0.0.3");
            }
        }
    }

    @Test
    void aReconnectIsLetInOnlyAfterTheOlderConnectionsRunningRequestsHaveFinishedAndTheNewestWins() throws Exception {
        CountDownLatch finish = new CountDownLatch(1);
        disk.holdSyncs(finish);
        try (Peer old = in(BOOT)) {
            old.ask(0, Peer.FLUSH, 1, 0, 0);
            await().until(() -> disk.wasAsked("sync"));
            CompletableFuture<Peer> older = reconnect();
            await().until(SafetyRule2Tests::someoneWaitsForTheFence);
            CompletableFuture<Peer> newest = reconnect();
            // The newest wins: who waited before is sent away while the request still runs.
            await().until(older::isDone);
            assertThat(older).isCompletedExceptionally();
            assertThat(newest).isNotDone();
            finish.countDown();
            try (Peer winner = newest.get()) {
                assertServed(winner);
                assertThat(old.closedByServer()).isTrue();
            }
        } finally {
            finish.countDown();
        }
    }

    private static boolean someoneWaitsForTheFence() {
        return Thread.getAllStackTraces().values().stream()
                .flatMap(Stream::of)
                .anyMatch(frame -> frame.getMethodName().equals("awaitFence"));
    }

    private CompletableFuture<Peer> reconnect() {
        return CompletableFuture.supplyAsync(
                () -> {
                    try {
                        return in(BOOT);
                    } catch (IOException e) {
                        throw new java.io.UncheckedIOException(e);
                    }
                },
                Thread::startVirtualThread);
    }

    @Test
    void aLeaseEndsByDisc() throws IOException {
        try (Peer guest = in(BOOT)) {
            guest.ask(0, Peer.DISC, 1, 0, 0);
            assertThat(guest.closedByServer()).isTrue();
        }
        await().until(() -> leases.of("root").state() == Lease.State.FREE);
        try (Peer other = in(NEXT_BOOT, "127.0.0.2")) {
            assertServed(other);
        }
    }

    @Test
    void aLeaseEndsWhenItIsBroken() throws IOException {
        try (Peer guest = in(BOOT)) {
            assertServed(guest);
            leases.breakLease("root", BOOT);
            assertThat(guest.closedByServer()).isTrue();
        }
        refusal("root@" + BOOT, "127.0.0.1");
        try (Peer other = in(NEXT_BOOT, "127.0.0.2")) {
            assertServed(other);
        }
    }

    @Test
    void theHoldersAddressTakesOverWithANewBootOnceTheOldOneIsGoneAndThatIsRefusedForEver() throws IOException {
        try (Peer guest = in(BOOT, "127.0.0.2")) {
            assertServed(guest);
            assertThat(refusal("root@" + NEXT_BOOT, "127.0.0.2"))
                    .isEqualTo(
                            "the earlier boot of this machine, 01234567, is still connected; it is given up within a minute");
        }
        await().until(() -> leases.of("root").connections() == 0);
        assertThat(refusal("root@" + NEXT_BOOT, "127.0.0.3"))
                .as("another address does not")
                .contains("127.0.0.2");
        try (Peer next = in(NEXT_BOOT, "127.0.0.2")) {
            assertServed(next);
            refusal("root@" + BOOT, "127.0.0.2");
            assertServed(next);
        }
        await().until(() -> leases.of("root").connections() == 0);
        refusal("root@" + BOOT, "127.0.0.2");
    }

    @Test
    void anyOtherGuestIsToldWhoHoldsIt() throws IOException {
        try (Peer guest = in(BOOT)) {
            assertThat(refusal("root@" + NEXT_BOOT, "127.0.0.2")).contains("127.0.0.1");
            assertThat(refusal("root", "127.0.0.2")).contains("127.0.0.1");
            assertServed(guest);
        }
        // Nor does a lost connection give it away.
        await().until(() -> leases.of("root").connections() == 0);
        assertThat(refusal("root@" + NEXT_BOOT, "127.0.0.2")).contains("127.0.0.1");
    }

    @Test
    void byItsPlainNameAnExportIsLeasedByAddressAloneAndHasManyConnectionsOfIt() throws IOException {
        try (Peer one = Peer.in(server.address(), "root");
                Peer two = Peer.in(server.address(), "root");
                Peer three = Peer.in(server.address(), "root")) {
            for (Peer peer : new Peer[] {one, two, three}) {
                assertServed(peer);
            }
            assertThat(leases.of("root").connections()).isEqualTo(3);
            assertThat(refusal("root", "127.0.0.2")).contains("127.0.0.1");
        }
        await().until(() -> leases.of("root").connections() == 0);
        try (Peer other = Peer.greeted(server.address(), "127.0.0.2")) {
            other.go("root");
            assertServed(other);
        }
        assertThatIOException().isThrownBy(() -> in("0".repeat(32)).close()).withMessageContaining("refused");
    }
}
