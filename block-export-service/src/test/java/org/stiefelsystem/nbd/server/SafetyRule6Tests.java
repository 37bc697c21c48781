package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.reflect.RecordComponent;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.FakeDisk;
import org.stiefelsystem.nbd.export.Leases;
import org.stiefelsystem.nbd.linux.Deafness;

/** Safety rule 6: every number of a peer has a named limit. Each component of {@link NbdLimits} has its case here. */
@NullUnmarked
@Tag("safety-rule-6")
@Timeout(120)
class SafetyRule6Tests {

    private static final int MEBIBYTE = 1 << 20;
    private static final int SIZE = 8 * MEBIBYTE;
    private static final int SIP = 512 << 10;
    private static final int SIPPED = 4 * SIZE;
    private static final int ERR_UNSUP = 0x8000_0001;
    private static final int ERR_UNKNOWN = 0x8000_0006;
    private static final int ERR_INVALID = 0x8000_0003;
    private static final int ERR_TOO_BIG = 0x8000_0009;
    private static final int EINVAL = 22;
    private static final int EOVERFLOW = 75;

    @TempDir
    private Path directory;

    private Faults faults;
    private Exports exports;
    private FakeDisk fake;
    private BufferPool pool;
    private NbdServer server;
    private final ConcurrentLinkedQueue<Integer> allocated = new ConcurrentLinkedQueue<>();

    @BeforeEach
    void start() throws IOException {
        faults = Faults.listen();
        exports = new Exports(Leases.inMemory());
        fake = new FakeDisk(SIZE);
        exports.add(fake.export("fake"));
        exports.add(Export.memory("memory", SIZE));
        exports.add(Export.open("ro", Files.write(directory.resolve("ro"), new byte[SIZE]), true));
    }

    @AfterEach
    void stop() {
        server.close();
        exports.close();
        faults.close();
    }

    private final Map<String, Executable> cases = Map.ofEntries(
            Map.entry("handshakeDeadline", this::handshakeDeadline),
            Map.entry("optionsPerHandshake", this::optionsPerHandshake),
            Map.entry("optionBytes", this::optionBytes),
            Map.entry("skippedOptionBytes", this::skippedOptionBytes),
            Map.entry("requestBytes", this::requestBytes),
            Map.entry("slowZeroBytes", this::slowZeroBytes),
            Map.entry("extentsPerReply", this::extentsPerReply),
            Map.entry("connections", this::connections),
            Map.entry("connectionsPerPeer", this::connectionsPerPeer),
            Map.entry("receiveBytes", this::receiveBytes),
            Map.entry("replyBytes", this::replyBytes),
            Map.entry("bufferBytes", this::bufferBytes),
            Map.entry("replyBytesInMemory", this::replyBytesInMemory),
            Map.entry("replyMemoryWait", this::replyMemoryWait),
            Map.entry("sendStall", this::sendStall),
            Map.entry("sendBytesPerSecond", this::sendBytesPerSecond),
            Map.entry("keepaliveIdle", () -> keepalive(2, 1, 1)),
            Map.entry("keepaliveInterval", () -> keepalive(1, 2, 1)),
            Map.entry("keepaliveProbes", () -> keepalive(1, 1, 2)),
            Map.entry("stopGrace", this::stopGrace),
            Map.entry("stopLimit", this::stopLimit));

    @TestFactory
    Stream<DynamicTest> everyNumberFromAPeerHasANamedLimitThatIsKept() {
        List<String> names = Stream.of(NbdLimits.class.getRecordComponents())
                .map(RecordComponent::getName)
                .toList();
        assertThat(cases.keySet()).as("each limit has a case").containsExactlyInAnyOrderElementsOf(names);
        return names.stream().map(name -> dynamicTest(name, cases.get(name)));
    }

    private void serve(Map<String, Object> changed) throws IOException {
        if (server != null) {
            server.close();
            await().until(() -> Footprint.connectionThreads() == 0);
        }
        allocated.clear();
        NbdLimits limits = NbdLimits.defaults().with(changed);
        pool = new BufferPool(limits, capacity -> {
            allocated.add(capacity);
            return ByteBuffer.allocateDirect(capacity);
        });
        server = new NbdServer(
                new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), exports, limits, NbdObserver.NONE, pool);
        server.start();
    }

    private Peer greeted() throws IOException {
        return Peer.greeted(server.address());
    }

    private Peer in(String export) throws IOException {
        return Peer.in(server.address(), export);
    }

    private static int refusal(Peer peer, int option, int bytes) throws IOException {
        peer.option(option, ByteBuffer.allocate(bytes).position(bytes));
        return peer.reply().type();
    }

    private static int read(Peer peer, int length) throws IOException {
        peer.ask(0, Peer.READ, 1, 0, length);
        int error = peer.answer(1);
        if (error == 0) {
            peer.receive(length);
        }
        return error;
    }

    private static Duration since(long start) {
        return Duration.ofNanos(System.nanoTime() - start);
    }

    // ---- negotiation ----

    /** Not a deadline of each word, but of all: a peer that goes on talking is ended as well. */
    private void handshakeDeadline() throws IOException {
        Duration deadline = Duration.ofMillis(400);
        serve(Map.of("handshake-deadline", deadline, "options-per-handshake", 65_536));
        long start = System.nanoTime();
        try (Peer mute = Peer.mute(server.address());
                Peer talking = greeted()) {
            int options = 0;
            try {
                while (options < 65_000) {
                    assertThat(refusal(talking, 99, 0)).isEqualTo(ERR_UNSUP);
                    options++;
                }
            } catch (IOException e) {
                // That is the end.
            }
            assertThat(options).isBetween(1, 64_999);
            assertThat(since(start)).isBetween(deadline, Duration.ofSeconds(10));
            mute.receive(18);
            assertThat(mute.closedByServer()).isTrue();
        }
        for (int i = 0; i < 400; i++) {
            exports.add(Export.memory(i + "x".repeat(250), 512));
        }
        start = System.nanoTime();
        try (Peer deaf = greeted()) {
            for (int i = 0; i < 300; i++) {
                deaf.optionHeader(Peer.OPT_LIST, 0);
            }
            await().atMost(15, TimeUnit.SECONDS).until(() -> Footprint.connectionThreads() == 0);
            assertThat(since(start)).isBetween(deadline, Duration.ofSeconds(10));
        }
    }

    private void optionsPerHandshake() throws IOException {
        serve(Map.of("options-per-handshake", 5));
        try (Peer peer = greeted()) {
            for (int i = 0; i < 5; i++) {
                assertThat(refusal(peer, 99, 0)).isEqualTo(ERR_UNSUP);
            }
            assertThat(peer.closedByServer()).isTrue();
        }
        int exported = exports.all().size();
        try (Peer peer = greeted()) {
            for (int list = 0; list < 2; list++) {
                peer.option(Peer.OPT_LIST, ByteBuffer.allocate(0));
                for (int i = 0; i < exported; i++) {
                    assertThat(peer.reply().type()).isEqualTo(2);
                }
                assertThat(peer.reply().type()).isEqualTo(1);
            }
            for (int i = 2; i < 5 + 4 * exported; i++) {
                assertThat(refusal(peer, 99, 0)).isEqualTo(ERR_UNSUP);
            }
            assertThat(peer.closedByServer())
                    .as("who lists may ask of each, once")
                    .isTrue();
        }
    }

    private void optionBytes() throws IOException {
        serve(Map.of("option-bytes", 5_000));
        try (Peer peer = greeted()) {
            assertThat(refusal(peer, Peer.OPT_GO, 5_000)).isIn(ERR_INVALID, ERR_UNKNOWN);
            assertThat(refusal(peer, Peer.OPT_GO, 5_001)).isEqualTo(ERR_TOO_BIG);
            peer.go("ro");
        }
        assertThat(allocated).contains(5_000);
    }

    private void skippedOptionBytes() throws IOException {
        serve(Map.of("skipped-option-bytes", 10_000));
        try (Peer peer = greeted()) {
            assertThat(refusal(peer, Peer.OPT_GO, 10_000)).isEqualTo(ERR_TOO_BIG);
            peer.optionHeader(Peer.OPT_GO, 10_001);
            assertThat(peer.closedByServer()).isTrue();
        }
    }

    // ---- requests ----

    private void requestBytes() throws IOException {
        serve(Map.of("request-bytes", MEBIBYTE));
        try (Peer peer = in("memory")) {
            assertThat(read(peer, MEBIBYTE)).isZero();
            assertThat(read(peer, MEBIBYTE + 1)).isEqualTo(EINVAL);
            peer.ask(0, Peer.WRITE, 2, 0, MEBIBYTE, new byte[MEBIBYTE]);
            assertThat(peer.answer(2)).isZero();
            peer.ask(0, Peer.WRITE, 3, 0, MEBIBYTE + 1, new byte[MEBIBYTE + 1]);
            assertThat(peer.answer(3)).isEqualTo(EINVAL);
            peer.ask(0, Peer.WRITE, 4, 0, 32 * MEBIBYTE, new byte[32 * MEBIBYTE]);
            assertThat(peer.answer(4)).isEqualTo(EINVAL);
            peer.ask(0, Peer.WRITE, 5, 0, 32 * MEBIBYTE + 1);
            assertThat(peer.closedByServer()).isTrue();
        }
    }

    private void slowZeroBytes() throws IOException {
        serve(Map.of("slow-zero-bytes", (long) MEBIBYTE));
        fake.zeroSlowly();
        try (Peer peer = in("fake")) {
            peer.ask(0, Peer.WRITE_ZEROES, 1, 0, MEBIBYTE);
            assertThat(peer.answer(1)).isZero();
            peer.ask(0, Peer.WRITE_ZEROES, 2, 0, MEBIBYTE + 1);
            assertThat(peer.answer(2)).isEqualTo(EOVERFLOW);
        }
    }

    private void extentsPerReply() throws IOException {
        Path sparse = directory.resolve("sparse");
        try (RandomAccessFile file = new RandomAccessFile(sparse.toFile(), "rw")) {
            file.setLength(SIZE);
            for (int i = 0; i < 10; i++) {
                file.seek(i * 524_288L);
                file.write(1);
            }
        }
        exports.add(Export.open("sparse", sparse, true));
        serve(Map.of("extents-per-reply", 3));
        try (Peer peer = Peer.in(server.address(), "sparse", Peer.OPT_STRUCTURED)) {
            peer.ask(0, Peer.BLOCK_STATUS, 1, 0, SIZE);
            assertThat(peer.structured().content().remaining())
                    .as("the context, and three descriptors")
                    .isEqualTo(4 + 3 * 8);
        }
        serve(Map.of("extents-per-reply", 1 << 15, "reply-bytes", BufferPool.SMALL_BYTES));
        try (RandomAccessFile file = new RandomAccessFile(sparse.toFile(), "rw")) {
            for (int i = 0; i < SIZE / 8192; i++) {
                file.seek(i * 8192L);
                file.write(1);
            }
        }
        try (Peer peer = Peer.in(server.address(), "sparse", Peer.OPT_EXTENDED)) {
            peer.askExtended(0, Peer.BLOCK_STATUS, 1, 0, SIZE);
            assertThat(peer.extended(0).content().remaining())
                    .as("as many as fit the buffer behind their header")
                    .isEqualTo((BufferPool.SMALL_BYTES - 32) / 16 * 16 - 8);
            assertThat(allocated)
                    .allMatch(bytes -> bytes <= NbdLimits.defaults().receiveBytes());
        }
    }

    // ---- connections ----

    private void connections() throws IOException {
        serve(Map.of("connections", 2));
        try (Peer one = Peer.greeted(server.address(), "127.0.0.1");
                Peer two = Peer.greeted(server.address(), "127.0.0.2");
                Peer three = Peer.mute(server.address(), "127.0.0.3")) {
            assertThat(three.closedByServer()).isTrue();
            one.go("ro");
            two.go("ro");
        }
    }

    private void connectionsPerPeer() throws IOException {
        serve(Map.of("connections-per-peer", 1));
        try (Peer one = Peer.greeted(server.address(), "127.0.0.1");
                Peer again = Peer.mute(server.address(), "127.0.0.1");
                Peer two = Peer.greeted(server.address(), "127.0.0.2")) {
            assertThat(again.closedByServer()).isTrue();
            one.go("ro");
            two.go("ro");
        }
    }

    // ---- memory ----

    private void receiveBytes() throws IOException {
        serve(Map.of("receive-bytes", 40_000));
        try (Peer peer = in("memory")) {
            peer.ask(0, Peer.WRITE, 1, 0, MEBIBYTE, new byte[MEBIBYTE]);
            assertThat(peer.answer(1)).isZero();
        }
        assertThat(allocated)
                .as("all that a megabyte was received with")
                .containsExactlyInAnyOrder(
                        NbdLimits.defaults().optionBytes(),
                        40_000,
                        NbdLimits.defaults().replyBytes());
    }

    private void replyBytes() throws IOException {
        serve(Map.of("reply-bytes", 50_000));
        try (Peer peer = in("ro")) {
            for (int i = 0; i < 100; i++) {
                peer.ask(0, Peer.READ, i, 0, 40_000);
            }
            for (int i = 0; i < 100; i++) {
                assertThat(peer.answer(i)).isZero();
                peer.receive(40_000);
            }
        }
        assertThat(allocated)
                .as("all that four megabytes were sent with")
                .containsExactlyInAnyOrder(
                        NbdLimits.defaults().optionBytes(), NbdLimits.defaults().receiveBytes(), 50_000);
    }

    private void bufferBytes() throws IOException {
        serve(Map.of("buffer-bytes", 100_000L, "receive-bytes", 50_000, "reply-bytes", 50_000));
        try (Peer first = in("ro");
                Peer second = in("ro")) {
            assertThat(read(first, MEBIBYTE)).isZero();
            assertThat(read(second, MEBIBYTE)).isZero();
            assertThat(allocated.stream().filter(bytes -> bytes == 50_000)).hasSize(2);
            assertThat(allocated.stream().filter(bytes -> bytes == BufferPool.SMALL_BYTES))
                    .hasSize(2);
        }
    }

    private void replyBytesInMemory() throws IOException {
        serve(Map.of(
                "request-bytes",
                MEBIBYTE,
                "reply-bytes-in-memory",
                2 * MEBIBYTE,
                "reply-memory-wait",
                Duration.ofMillis(50)));
        ByteBuffer one = pool.takeForReply(MEBIBYTE);
        try (Peer peer = in("memory")) {
            assertThat(read(peer, MEBIBYTE)).as("there is as much again").isZero();
            ByteBuffer two = pool.takeForReply(MEBIBYTE);
            peer.ask(0, Peer.READ, 1, 0, MEBIBYTE);
            assertThat(peer.closedByServer()).isTrue();
            pool.giveFromReply(two);
        }
        pool.giveFromReply(one);
        try (Peer peer = in("memory")) {
            assertThat(read(peer, MEBIBYTE)).isZero();
        }
    }

    private void replyMemoryWait() throws IOException {
        Duration wait = Duration.ofMillis(300);
        serve(Map.of("request-bytes", MEBIBYTE, "reply-bytes-in-memory", MEBIBYTE, "reply-memory-wait", wait));
        ByteBuffer held = pool.takeForReply(MEBIBYTE);
        try (Peer peer = in("memory")) {
            long start = System.nanoTime();
            peer.ask(0, Peer.READ, 1, 0, MEBIBYTE);
            assertThat(peer.closedByServer()).isTrue();
            assertThat(since(start)).isBetween(wait, Duration.ofSeconds(10));
        } finally {
            pool.giveFromReply(held);
        }
    }

    // ---- peers that take nothing, or are gone ----

    private void sendStall() throws IOException {
        serve(Map.of("send-stall", Duration.ofSeconds(1)));
        try (Peer peer = in("ro")) {
            long start = System.nanoTime();
            for (int i = 0; i < 20; i++) {
                peer.ask(0, Peer.READ, i, 0, SIZE);
            }
            await().atMost(15, TimeUnit.SECONDS).until(() -> Footprint.connectionThreads() == 0);
            assertThat(since(start)).isBetween(Duration.ofSeconds(1), Duration.ofMillis(2_900));
        }
    }

    /** Of memory and of a file: a peer that takes something again and again, but is slower than it may be. */
    private void sendBytesPerSecond() throws Exception {
        serve(Map.of("send-stall", Duration.ofSeconds(1), "send-bytes-per-second", MEBIBYTE));
        try (Peer slow = in("memory")) {
            assertThat(sipped(slow)).isEqualTo(SIPPED);
        }
        for (String export : List.of("memory", "ro")) {
            serve(Map.of("send-stall", Duration.ofSeconds(1), "send-bytes-per-second", 1 << 30));
            try (Peer slow = in(export)) {
                assertThat(sipped(slow)).isLessThan(SIPPED);
            }
            assertThat(pool.takeForReply(SIZE)).isNotNull();
        }
    }

    /** How much of some large replies is received, at 5 MiB a second. */
    private static int sipped(Peer peer) throws IOException, InterruptedException {
        for (int i = 0; i < SIPPED / SIZE; i++) {
            peer.ask(0, Peer.READ, i, 0, SIZE);
        }
        int sipped = 0;
        try {
            while (sipped < SIPPED) {
                peer.receive(SIP);
                sipped += SIP;
                Thread.sleep(100);
            }
        } catch (IOException e) {
            // That is the end.
        }
        return sipped;
    }

    /** With one second each the peer would be given up after two. */
    private void keepalive(int idle, int interval, int probes) throws IOException {
        serve(Map.of(
                "keepalive-idle", Duration.ofSeconds(idle),
                "keepalive-interval", Duration.ofSeconds(interval),
                "keepalive-probes", probes));
        try (Peer gone = in("ro")) {
            assertThat(read(gone, 512)).isZero();
            Deafness.of(gone.port());
            long start = System.nanoTime();
            await().atMost(12, TimeUnit.SECONDS).until(() -> Footprint.connectionThreads() == 0);
            assertThat(since(start)).isBetween(Duration.ofMillis(2_500), Duration.ofSeconds(10));
        }
    }

    // ---- stop ----

    private void stopGrace() throws IOException {
        Duration grace = Duration.ofMillis(300);
        serve(Map.of("stop-grace", grace, "stop-limit", Duration.ofSeconds(60)));
        try (Peer peer = in("ro")) {
            for (int i = 0; i < 20; i++) {
                peer.ask(0, Peer.READ, i, 0, SIZE);
            }
            await().until(() -> server.inFlightBytes() > 0);
            long start = System.nanoTime();
            server.close();
            assertThat(since(start)).isBetween(grace, Duration.ofSeconds(10));
            assertThat(Footprint.connectionThreads()).isZero();
        }
    }

    /** The disk does not answer, and so the request never ends. */
    private void stopLimit() throws IOException {
        Duration limit = Duration.ofMillis(600);
        serve(Map.of("stop-grace", Duration.ofMillis(100), "stop-limit", limit));
        CountDownLatch answers = new CountDownLatch(1);
        fake.holdSyncs(answers);
        try (Peer peer = in("fake")) {
            peer.ask(0, Peer.FLUSH, 1, 0, 0);
            await().until(() -> fake.wasAsked("sync"));
            long start = System.nanoTime();
            server.close();
            assertThat(since(start)).isBetween(limit, Duration.ofSeconds(10));
            assertThat(Footprint.connectionThreads()).isEqualTo(1);
        } finally {
            answers.countDown();
        }
        await().until(() -> Footprint.connectionThreads() == 0);
    }
}
