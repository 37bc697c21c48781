package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.stiefelsystem.nbd.app.BlockExportApplication;

/**
 * The service is killed at random moments while it is written to. Afterwards every write that was answered is there, and each
 * sector of another one is as it was or as it was to become (DESIGN, safety rule 7). The kernel outlives the service, and
 * what it has not written yet with it: that FLUSH and FUA reach the disk is seen by the order of the system calls.
 */
@NullUnmarked
class CrashConsistencyIntegrationTests {

    private static final int FUA = 1;
    private static final String REPLY = "\"gDf\\230";
    private static final int SECTOR = 512;
    private static final int SECTORS = 16 << 10;
    private static final int MAX_SECTORS_OF_A_WRITE = 256;
    private static final int UNDER_WAY = 16;
    private static final InetAddress LOOPBACK = InetAddress.ofLiteral("127.0.0.1");
    private static final Duration START = Duration.ofMinutes(1);
    private static final Pattern SERVING = Pattern.compile("Serving NBD on .* port (\\d+)");
    private static final int ROUNDS = Boolean.getBoolean("stiefel.full") ? 100 : 10;

    private final long seed = System.nanoTime();
    private final RandomGenerator random = new java.util.SplittableRandom(seed);

    @TempDir
    private Path directory;

    /** What each sector may hold: the number of the write that was answered last, or of one that was sent after it. */
    private final List<Set<Long>> allowed = new ArrayList<>();

    private long writes;
    private int sent;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatWasAnsweredIsThereAfterACrash(boolean onALoopDevice) throws Exception {
        Path image = directory.resolve("image");
        Files.write(image, new byte[SECTORS * SECTOR]);
        for (int i = 0; i < SECTORS; i++) {
            allowed.add(Set.of(0L));
        }
        if (!onALoopDevice) {
            crashAgainAndAgain(image);
            return;
        }
        Tool.require("losetup");
        Tool.Result attached = Tool.run("losetup", "--find", "--show", image);
        Tool.require(attached.status() == 0, "losetup cannot attach: " + attached.output());
        String device = attached.output().strip();
        try {
            crashAgainAndAgain(Path.of(device));
        } finally {
            Tool.run("losetup", "--detach", device).orFail();
        }
    }

    @Test
    void whatIsAnsweredAsStableWasSyncedBefore() throws Exception {
        Tool.require("strace");
        Path image = Files.write(directory.resolve("image"), new byte[SECTORS * SECTOR]);
        Path trace = directory.resolve("trace");
        Process service = start(image, "strace", "-f", "-qq", "-e", "trace=fdatasync,sendto", "-o", trace.toString());
        try (Peer peer = connect(service)) {
            for (int[] request : new int[][] {
                {0, Peer.WRITE},
                {FUA, Peer.WRITE},
                {FUA, Peer.WRITE_ZEROES},
                {FUA, Peer.TRIM},
                {0, Peer.WRITE},
                {0, Peer.FLUSH}
            }) {
                int bytes = request[1] == Peer.FLUSH ? 0 : SECTOR;
                peer.ask(request[0], request[1], 1, 0, bytes, new byte[request[1] == Peer.WRITE ? bytes : 0]);
                assertThat(peer.answer(1)).isZero();
            }
            assertThat(syncsAndAnswers(trace))
                    .containsExactly(
                            "answer", "sync", "answer", "sync", "answer", "sync", "answer", "answer", "sync", "answer");
        } finally {
            service.descendants().forEach(ProcessHandle::destroyForcibly);
            service.destroyForcibly().waitFor();
        }
    }

    /** Of the thread that answered: each fdatasync when it has returned, each reply when it is begun to be sent. */
    private static List<String> syncsAndAnswers(Path trace) throws IOException {
        List<String> lines = Files.readAllLines(trace);
        String thread = lines.stream()
                .filter(line -> line.contains(REPLY))
                .findFirst()
                .map(line -> line.substring(0, line.indexOf(' ') + 1))
                .orElseThrow();
        return lines.stream()
                .filter(line -> line.startsWith(thread))
                .filter(line -> line.contains(REPLY) || (line.contains("fdatasync") && line.matches(".*\\) += 0")))
                .map(line -> line.contains(REPLY) ? "answer" : "sync")
                .toList();
    }

    private void crashAgainAndAgain(Path disk) throws Exception {
        for (int round = 1; round <= ROUNDS; round++) {
            Process service = start(disk);
            try {
                try (Peer peer = connect(service)) {
                    assertSectors(peer, round);
                    Thread killer = Thread.startVirtualThread(() -> killSoon(service));
                    writeUntilItEnds(peer);
                    killer.join();
                }
            } finally {
                service.destroyForcibly().waitFor();
            }
            assertThat(sent).as("writes of round %d", round).isPositive();
        }
    }

    private void killSoon(Process service) {
        try {
            Thread.sleep(Duration.ofMillis(random.nextInt(50, 600)));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        service.destroyForcibly();
    }

    /** Sectors that a write changes. */
    private record Write(long number, int first, int count) {}

    /**
     * Writes of one number each, several under way at once, some with FUA, and a flush now and then, until the connection
     * is gone.
     */
    private void writeUntilItEnds(Peer peer) {
        RandomGenerator choice = new java.util.SplittableRandom(seed ^ writes);
        sent = 0;
        try {
            while (true) {
                List<Write> underWay = new ArrayList<>();
                for (int i = choice.nextInt(1, UNDER_WAY); i > 0; i--) {
                    underWay.add(write(peer, choice));
                }
                for (Write write : underWay) {
                    assertThat(peer.answer(write.number)).isZero();
                    answered(write);
                }
                if (choice.nextInt(4) == 0) {
                    flush(peer);
                }
            }
        } catch (IOException e) {
            // Killed.
        }
    }

    private Write write(Peer peer, RandomGenerator choice) throws IOException {
        int count = choice.nextInt(1, MAX_SECTORS_OF_A_WRITE);
        int first = choice.nextInt(SECTORS - count);
        long number = ++writes;
        ByteBuffer payload = ByteBuffer.allocate(count * SECTOR);
        while (payload.hasRemaining()) {
            payload.putLong(number);
        }
        for (int sector = first; sector < first + count; sector++) {
            Set<Long> more = new TreeSet<>(allowed.get(sector));
            more.add(number);
            allowed.set(sector, more);
        }
        sent++;
        peer.ask(
                choice.nextInt(4) == 0 ? FUA : 0,
                Peer.WRITE,
                number,
                (long) first * SECTOR,
                payload.capacity(),
                payload.array());
        return new Write(number, first, count);
    }

    /** From its answer on, what was written before it is there no more. */
    private void answered(Write write) {
        for (int sector = write.first; sector < write.first + write.count; sector++) {
            Set<Long> later = new TreeSet<>(allowed.get(sector));
            later.removeIf(number -> number < write.number);
            allowed.set(sector, later);
        }
    }

    private static void flush(Peer peer) throws IOException {
        peer.ask(0, Peer.FLUSH, 0, 0, 0);
        assertThat(peer.answer(0)).isZero();
    }

    private void assertSectors(Peer peer, int round) throws IOException {
        int bytes = 1 << 20;
        for (int offset = 0; offset < SECTORS * SECTOR; offset += bytes) {
            peer.ask(0, Peer.READ, 1, offset, bytes);
            assertThat(peer.answer(1)).isZero();
            ByteBuffer data = peer.receive(bytes);
            while (data.hasRemaining()) {
                int sector = (offset + data.position()) / SECTOR;
                long number = data.getLong();
                for (int i = 8; i < SECTOR; i += 8) {
                    assertThat(data.getLong())
                            .as("sector %d is torn, round %d, seed %d", sector, round, seed)
                            .isEqualTo(number);
                }
                assertThat(allowed.get(sector))
                        .as("sector %d, round %d, seed %d", sector, round, seed)
                        .contains(number);
                // What was read once stays.
                allowed.set(sector, Set.of(number));
            }
        }
    }

    /** Under a program that watches it, or under none. */
    private Process start(Path disk, String... under) throws IOException {
        List<String> command = new ArrayList<>(List.of(under));
        command.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                BlockExportApplication.class.getName(),
                "--stiefel.run-dir=" + directory.resolve("run"),
                "--stiefel.export.port=0",
                "--stiefel.export.admin-port=0",
                "--stiefel.export.actuator-port=0",
                "--stiefel.export.exports[0].name=root",
                "--stiefel.export.exports[0].path=" + disk));
        return new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("log").toFile())
                .start();
    }

    /** At the port that the service names in its log: one that was free a moment ago may be somebody else's by now. */
    private Peer connect(Process service) throws IOException, InterruptedException {
        Path log = directory.resolve("log");
        long end = System.nanoTime() + START.toNanos();
        while (true) {
            Matcher serving = SERVING.matcher(Files.readString(log));
            if (serving.find()) {
                return Peer.in(new InetSocketAddress(LOOPBACK, Integer.parseInt(serving.group(1))), "root");
            }
            if (service.waitFor(20, TimeUnit.MILLISECONDS) || System.nanoTime() > end) {
                throw new IOException("the service did not start:\n" + Files.readString(log));
            }
        }
    }
}
