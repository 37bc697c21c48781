package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.nbd.export.Export;

/** More clients at once than are let in. */
@Timeout(120)
class ConnectStormTests {

    private static final int STORM = 2_000;
    private static final int SIZE = 1 << 20;

    @TempDir
    private Path directory;

    @Test
    void ofTwoThousandAsManyAreServedAsTheLimitSaysAndTheOthersAreClosedAtOnce() throws Exception {
        Path image = Files.write(directory.resolve("image"), new byte[SIZE]);
        try (Faults faults = Faults.listen();
                TestServer server = TestServer.of(NbdLimits.defaults(), Export.open("ro", image, true))) {
            // The clients' virtual threads have descriptors too, which stay.
            assertThat(storm(server, 100)).isEqualTo(100);
            Footprint before = Footprint.now();
            int served = storm(server, STORM);
            assertThat(served).isEqualTo(NbdLimits.defaults().connectionsPerPeer());
            assertThat(server.server().turnedAway()).isEqualTo(STORM - served);
            before.assertIsBack();
            assertThat(server.server().inFlightBytes()).isZero();
            assertThat(storm(server, 1)).isEqualTo(1);
            assertThat(faults.found()).isEmpty();
        }
    }

    /** How many of so many clients were served. */
    private static int storm(TestServer server, int clients) throws Exception {
        CountDownLatch undecided = new CountDownLatch(clients);
        List<Future<Boolean>> visits = new ArrayList<>();
        try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < clients; i++) {
                visits.add(executor.submit(() -> visit(server, undecided)));
            }
        }
        int served = 0;
        for (Future<Boolean> visit : visits) {
            served += visit.get() ? 1 : 0;
        }
        return served;
    }

    /** Whether this client was let in; if so, it stays until all others know as well. */
    private static boolean visit(TestServer server, CountDownLatch undecided) throws Exception {
        try (Peer peer = Peer.mute(server.address())) {
            boolean letIn = isGreeted(peer);
            undecided.countDown();
            if (!letIn) {
                return false;
            }
            assertThat(undecided.await(60, TimeUnit.SECONDS)).isTrue();
            peer.greet();
            peer.go("ro");
            peer.ask(0, Peer.READ, 1, 4096, 8192);
            assertThat(peer.answer(1)).isZero();
            assertThat(peer.receive(8192).array()).containsOnly(0);
            peer.ask(0, Peer.DISC, 2, 0, 0);
            assertThat(peer.closedByServer()).isTrue();
            return true;
        }
    }

    private static boolean isGreeted(Peer peer) {
        try {
            peer.receive(18);
            return true;
        } catch (IOException e) {
            return false;
        }
    }
}
