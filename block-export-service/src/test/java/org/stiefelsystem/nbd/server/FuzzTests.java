package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.nbd.export.Export;

/**
 * Says what follows the grammar of the protocol, right and wrong in every field, for a time: {@code
 * -Dstiefel.fuzz-seconds}, 20 by default, a minute in CI; {@code -Dstiefel.fuzz-seed} repeats. After each round an honest client is
 * served, and nothing is left of the others.
 */
@NullUnmarked
class FuzzTests {

    private static final int SIZE = 1 << 20;
    private static final int CONVERSATIONS_PER_ROUND = 50;
    private static final long DEFAULT_SECONDS = "true".equals(System.getenv("CI")) ? 60 : 20;
    private static final int[] HEADERS = {0, Peer.OPT_STRUCTURED, Peer.OPT_EXTENDED};

    private static final long[] NUMBERS = {
        0,
        1,
        8,
        12,
        511,
        512,
        4096,
        4097,
        8192,
        8193,
        65_536,
        131_072,
        SIZE - 1,
        SIZE,
        SIZE + 1,
        (32 << 20) + 1L,
        0x7fff_ffffL,
        0xffff_ffffL,
        1L << 32,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        -1
    };

    private static final String[] QUERIES = {"base:", "base:allocation", "base:x", "x-a:b", "base", "", "\0", "qemu:"};

    @TempDir
    private Path directory;

    private RandomGenerator random;

    private Faults faults;

    @BeforeEach
    void listen() {
        faults = Faults.listen();
    }

    @AfterEach
    void listenNoMore() {
        faults.close();
    }

    @Test
    void whateverIsSaidTheServerServes() throws Exception {
        long seed = Long.getLong("stiefel.fuzz-seed", System.nanoTime());
        long end = System.nanoTime()
                + Duration.ofSeconds(Long.getLong("stiefel.fuzz-seconds", DEFAULT_SECONDS))
                        .toNanos();
        Path image = directory.resolve("image");
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(SIZE);
        }
        NbdLimits limits = NbdLimits.defaults().withHandshakeDeadline(Duration.ofSeconds(3));
        try (TestServer server =
                TestServer.of(limits, Export.open("root", image, false), Export.memory("memory", SIZE))) {
            rounds(server, 1, seed);
            int descriptors = Footprint.openDescriptors();
            int rounds = 1;
            while (System.nanoTime() < end) {
                rounds(server, ++rounds, seed);
                assertThat(Footprint.openDescriptors())
                        .as("open files, seed %d", seed)
                        .isLessThanOrEqualTo(descriptors);
            }
            System.out.printf("fuzz: %d conversations, seed %d%n", rounds * CONVERSATIONS_PER_ROUND, seed);
        }
    }

    private void rounds(TestServer server, int round, long seed) throws IOException {
        try {
            // Each round by itself, so that the one that fails can be repeated alone.
            random = new java.util.SplittableRandom(seed + round);
            for (int i = 0; i < CONVERSATIONS_PER_ROUND; i++) {
                converse(server);
            }
            await().atMost(Duration.ofSeconds(20)).until(() -> Footprint.connectionThreads() == 0);
            assertThat(faults.found()).isEmpty();
            assertThat(server.exports().leases().of("root").connections()).isZero();
            serveHonestly(server);
            await().atMost(Duration.ofSeconds(20)).until(() -> Footprint.connectionThreads() == 0);
        } catch (AssertionError | IOException | RuntimeException e) {
            throw new AssertionError("round %d of -Dstiefel.fuzz-seed=%d".formatted(round, seed), e);
        }
    }

    private void serveHonestly(TestServer server) throws IOException {
        byte[] written = new byte[100_000];
        random.nextBytes(written);
        for (String export : new String[] {"root", "memory"}) {
            try (Peer peer = Peer.in(server.address(), export)) {
                peer.ask(1, Peer.WRITE, 1, 77, written.length, written);
                assertThat(peer.answer(1)).isZero();
                peer.ask(0, Peer.READ, 2, 77, written.length);
                assertThat(peer.answer(2)).isZero();
                assertThat(peer.receive(written.length).array()).isEqualTo(written);
                peer.ask(0, Peer.DISC, 3, 0, 0);
                assertThat(peer.closedByServer()).isTrue();
            }
        }
    }

    /** One client, from its first to its last word. */
    private void converse(TestServer server) throws IOException {
        try (Peer peer = Peer.mute(server.address())) {
            try {
                peer.receive(18);
                peer.send(ByteBuffer.allocate(4).putInt(oneIn(40) ? random.nextInt() : random.nextInt(4)));
                if (oneIn(2)) {
                    haggle(peer);
                } else {
                    transmit(peer);
                }
                if (oneIn(2)) {
                    peer.hearToTheEnd();
                }
            } catch (EOFException | SocketException e) {
                // The server had enough of it, as it may.
            }
        }
    }

    // ---- negotiation ----

    private void haggle(Peer peer) throws IOException {
        int options = random.nextInt(1, 12);
        for (int i = 0; i < options; i++) {
            int option = oneIn(20) ? random.nextInt() : random.nextInt(13);
            byte[] data = mutated(optionData(option));
            if (oneIn(30)) {
                peer.optionHeader(option, (int) number());
            } else {
                peer.option(option, ByteBuffer.allocate(data.length).put(data));
            }
            if (oneIn(2)) {
                peer.discardWhatIsThere();
            }
        }
        if (oneIn(3)) {
            for (int i = 0; i < 5; i++) {
                peer.send(request(HEADERS[random.nextInt(3)]));
            }
        }
    }

    private byte[] optionData(int option) {
        return switch (option) {
            case Peer.OPT_EXPORT_NAME -> name();
            case Peer.OPT_INFO, Peer.OPT_GO -> {
                byte[] name = name();
                int requests = random.nextInt(5);
                ByteBuffer data = ByteBuffer.allocate(6 + name.length + 2 * requests)
                        .putInt(name.length)
                        .put(name)
                        .putShort((short) requests);
                for (int i = 0; i < requests; i++) {
                    data.putShort((short) random.nextInt(6));
                }
                yield data.array();
            }
            case Peer.OPT_LIST_META, Peer.OPT_SET_META -> {
                String[] queries = new String[random.nextInt(4)];
                Arrays.setAll(queries, i -> QUERIES[random.nextInt(QUERIES.length)]);
                ByteBuffer data =
                        Peer.metaContexts(new String(name(), java.nio.charset.StandardCharsets.ISO_8859_1), queries);
                yield bytes(data);
            }
            default -> new byte[oneIn(3) ? random.nextInt(100) : 0];
        };
    }

    private byte[] name() {
        String[] names = {"root", "memory", "", "nothing", "root@0123456789abcdef0123456789abcdef"};
        byte[] name = names[random.nextInt(names.length)].getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        return oneIn(20) ? new byte[random.nextInt(4200) + 1] : name;
    }

    /** A byte changed, cut off, or something behind; mostly nothing. */
    private byte[] mutated(byte[] right) {
        byte[] bytes = right.clone();
        if (bytes.length > 0 && oneIn(8)) {
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
        }
        if (oneIn(12)) {
            bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length + 20));
        }
        return bytes;
    }

    // ---- transmission ----

    private void transmit(Peer peer) throws IOException {
        int headers = HEADERS[random.nextInt(3)];
        String export = oneIn(2) ? "root" : "memory";
        if (headers != 0) {
            peer.agreed(headers);
            if (oneIn(2)) {
                peer.option(Peer.OPT_SET_META, Peer.metaContexts(export, "base:allocation"));
                while (peer.reply().type() == 4) {
                    // The context.
                }
            }
        }
        peer.go(export);
        int requests = random.nextInt(1, 40);
        for (int i = 0; i < requests; i++) {
            byte[] bytes = mutated(bytes(request(headers)));
            peer.send(ByteBuffer.allocate(bytes.length).put(bytes));
            if (oneIn(4)) {
                peer.discardWhatIsThere();
            }
        }
    }

    private static byte[] bytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.position()];
        buffer.get(0, bytes);
        return bytes;
    }

    private ByteBuffer request(int headers) {
        int flags = oneIn(3) ? random.nextInt(64) : 0;
        int type = oneIn(30) ? random.nextInt(1 << 16) : random.nextInt(9);
        if (type == Peer.DISC && !oneIn(10)) {
            type = Peer.READ;
        }
        long offset = oneIn(3) ? number() : random.nextInt(SIZE);
        long length = oneIn(3) ? number() : random.nextInt(200_000);
        boolean payload = type == Peer.WRITE;
        if (headers == Peer.OPT_EXTENDED) {
            flags = payload && !oneIn(10) ? flags | Peer.PAYLOAD_LEN : flags;
            payload = (flags & Peer.PAYLOAD_LEN) != 0;
        }
        byte[] data = payload && length >= 0 && length <= SIZE ? new byte[(int) length] : new byte[0];
        if (type == Peer.BLOCK_STATUS && payload && oneIn(2)) {
            data = ByteBuffer.allocate(12)
                    .putLong(number())
                    .putInt(random.nextInt(3))
                    .array();
            length = 12;
        }
        long cookie = random.nextLong();
        return headers == Peer.OPT_EXTENDED
                ? Peer.extended(flags, type, cookie, offset, length, data)
                : Peer.request(flags, type, cookie, offset, (int) length, data);
    }

    private long number() {
        return NUMBERS[random.nextInt(NUMBERS.length)];
    }

    private boolean oneIn(int times) {
        return random.nextInt(times) == 0;
    }
}
