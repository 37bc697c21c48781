package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.FakeDisk;
import org.stiefelsystem.nbd.export.Lease;
import org.stiefelsystem.nbd.export.Leases;

/**
 * DESIGN, safety rule 2: an old write never lands after a newer one. A proxy holds back what the old connection has sent
 * while a new one writes to the same sectors, then lets it go.
 */
@Timeout(60)
@Tag("safety-rule-2")
class FenceTests {

    private static final String BOOT_ID = "0123456789abcdef0123456789abcdef";
    private static final int LENGTH = 64 << 10;
    private static final byte OLD = 'o';
    private static final byte NEW = 'n';

    @TempDir
    private Path directory;

    private Path image;
    private Leases leases;
    private Exports exports;
    private NbdServer server;

    @BeforeEach
    void serve() throws IOException {
        image = directory.resolve("disk.img");
        Files.write(image, new byte[1 << 20]);
        leases = Leases.in(directory.resolve("leases"), "this run");
        leases.register(BOOT_ID, "root");
        exports = new Exports(leases);
        exports.add(Export.open("root", image, false));
        InetSocketAddress any = new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0);
        server = new NbdServer(any, exports, NbdLimits.defaults(), NbdObserver.NONE);
        server.start();
    }

    @AfterEach
    void stop() throws IOException {
        server.close();
        exports.close();
        leases.close();
    }

    @Test
    void anOldWriteThatComesLateIsDiscarded() throws Exception {
        String name = "root@" + BOOT_ID;
        assertThat(overtake(name)).isEqualTo(NEW);
        assertThat(holder().reconnects()).isEqualTo(1);
    }

    /** The control: connections of a tool are not fenced, and there the old write does land. */
    @Test
    void withoutTheFenceItLands() throws Exception {
        assertThat(overtake("root")).isEqualTo(OLD);
    }

    /** What the sector holds when an old write, held back on its way, was let go after a newer one was answered. */
    private byte overtake(String name) throws Exception {
        try (HoldingProxy proxy = new HoldingProxy(server.address());
                Peer old = Peer.in(proxy.address(), name)) {
            proxy.holdBack();
            old.ask(0, Peer.WRITE, 1, 0, LENGTH, filled(OLD));
            proxy.awaitHeldBack(LENGTH);
            try (Peer fresh = Peer.in(server.address(), name)) {
                fresh.ask(0, Peer.WRITE, 2, 0, LENGTH, filled(NEW));
                assertThat(fresh.answer(2)).isZero();
                proxy.letGo();
                if (!old.closedByServer()) {
                    // The reply's first byte: the write was done.
                    await().until(() -> onlyByteOf(image) == OLD);
                }
                return onlyByteOf(image);
            }
        }
    }

    /** Held back not in the network but in the server's own buffer, behind a request that is being done. */
    @Test
    void whatIsReceivedAndNotBegunIsDiscarded() throws Exception {
        FakeDisk disk = new FakeDisk(1 << 20);
        CountDownLatch syncEnds = new CountDownLatch(1);
        disk.holdSyncs(syncEnds);
        exports.add(disk.export("slow"));
        String bootId = "f".repeat(32);
        leases.register(bootId, "slow");
        try (Peer old = Peer.in(server.address(), "slow@" + bootId)) {
            ByteBuffer requests = ByteBuffer.allocate(100_000)
                    .put(Peer.request(0, Peer.FLUSH, 1, 0, 0).flip())
                    .put(Peer.request(0, Peer.WRITE, 2, 0, LENGTH, filled(OLD)).flip())
                    .put(Peer.request(0, Peer.DISC, 3, 0, 0).flip());
            old.send(requests);
            await().until(() -> disk.wasAsked("sync"));
            CompletableFuture<Void> reconnect = CompletableFuture.runAsync(
                    () -> {
                        try (Peer fresh = Peer.in(server.address(), "slow@" + bootId)) {
                            fresh.ask(0, Peer.READ, 4, 0, LENGTH);
                            assertThat(fresh.answer(4)).isZero();
                            assertThat(fresh.receive(LENGTH).array()).isEqualTo(new byte[LENGTH]);
                        } catch (IOException e) {
                            throw new UncheckedIOException(e);
                        }
                    },
                    Thread::startVirtualThread);
            assertThat(old.closedByServer()).isTrue();
            assertThat(reconnect).isNotDone();
            syncEnds.countDown();
            reconnect.get();
        }
        assertThat(disk.calls()).containsExactly("sync");
        // Nor did the DISC behind the fence end the lease.
        assertThat(leases.of("slow").holder()).isNotNull();
    }

    @Test
    void disconnectingEndsTheLeaseAndLosingTheConnectionDoesNot() throws Exception {
        String name = "root@" + BOOT_ID;
        try (Peer peer = Peer.in(server.address(), name)) {
            assertThat(leases.of("root").state()).isEqualTo(Lease.State.HELD);
            peer.ask(0, Peer.FLUSH, 1, 0, 0);
            assertThat(peer.answer(1)).isZero();
        }
        await().until(() -> leases.of("root").state() == Lease.State.WAITING);
        try (Peer peer = Peer.in(server.address(), name)) {
            peer.ask(0, Peer.DISC, 1, 0, 0);
            assertThat(peer.closedByServer()).isTrue();
        }
        await().until(() -> leases.of("root").state() == Lease.State.FREE);
        try (Peer peer = Peer.greeted(server.address())) {
            peer.option(Peer.OPT_GO, Peer.query(name));
            assertThat(peer.reply().text()).isEqualTo("this boot has let go of the disk");
        }
    }

    @Test
    void aBootThatWritesIsNotOfferedMoreConnections() throws Exception {
        int canMultiConn = 1 << 8;
        try (Peer peer = Peer.greeted(server.address())) {
            for (String name : new String[] {"root@" + BOOT_ID, "root"}) {
                peer.option(Peer.OPT_INFO, Peer.query(name));
                int flags = peer.reply().content().getShort(10);
                assertThat(flags & canMultiConn).isEqualTo(name.equals("root") ? canMultiConn : 0);
                while (peer.reply().type() != 1) {
                    // The other information.
                }
            }
        }
    }

    @Test
    void theServerListensElsewhereAndConnectionsGoOn() throws Exception {
        try (Peer old = Peer.in(server.address(), "root@" + BOOT_ID)) {
            InetSocketAddress before = server.address();
            server.move(InetAddress.ofLiteral("127.0.0.3"));
            assertThat(server.address()).isEqualTo(new InetSocketAddress("127.0.0.3", before.getPort()));
            assertThat(server.accepting()).isTrue();
            old.ask(0, Peer.READ, 1, 0, 512);
            assertThat(old.answer(1)).isZero();
            await().until(() -> isRefused(before));
            Peer.in(server.address(), "root@" + BOOT_ID).close();
        }
    }

    private static boolean isRefused(InetSocketAddress address) {
        try (Socket socket = new Socket(address.getAddress(), address.getPort())) {
            return !socket.isConnected();
        } catch (IOException e) {
            return true;
        }
    }

    private Lease.Holder holder() {
        return Objects.requireNonNull(leases.of("root").holder());
    }

    private static byte[] filled(byte value) {
        byte[] bytes = new byte[LENGTH];
        Arrays.fill(bytes, value);
        return bytes;
    }

    private static byte onlyByteOf(Path image) throws IOException {
        byte[] bytes = Arrays.copyOf(Files.readAllBytes(image), LENGTH);
        assertThat(bytes).containsOnly(bytes[0]);
        return bytes[0];
    }
}
