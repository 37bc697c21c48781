package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.FakeDisk;
import org.stiefelsystem.nbd.export.Leases;

/**
 * What broke other servers, each by the name of the bug. After each of them an honest client is served, and memory,
 * threads and descriptors are back.
 */
@NullUnmarked
@Timeout(60)
class HostileClientTests {

    private static final int SIZE = 8 << 20;
    private static final int ACK = 1;
    private static final int ERR_UNSUP = 0x8000_0001;
    private static final int ERR_POLICY = 0x8000_0002;
    private static final int ERR_INVALID = 0x8000_0003;
    private static final int ERR_UNKNOWN = 0x8000_0006;
    private static final int ERR_TOO_BIG = 0x8000_0009;
    private static final int ERR_EXT_HEADER_REQD = 0x8000_000a;
    private static final int EPERM = 1;
    private static final int EINVAL = 22;
    private static final int FUA = 1;
    private static final int NO_HOLE = 2;
    private static final int FAST_ZERO = 16;

    private static final int[] HEADERS = {0, Peer.OPT_STRUCTURED, Peer.OPT_EXTENDED};
    private static final int[] NAMING = {Peer.OPT_INFO, Peer.OPT_GO, Peer.OPT_LIST_META, Peer.OPT_SET_META};

    /** So small that what one bad client kept would be missed: one large reply, and two connections' buffers. */
    private static final NbdLimits LIMITS = limits(2 << 20, 1 << 20);

    @TempDir
    private Path directory;

    private Path image;
    private Faults faults;
    private Exports exports;
    private BufferPool pool;
    private NbdServer server;
    private Footprint before;

    private static NbdLimits limits(int requestBytes, long bufferBytes) {
        return NbdLimits.defaults()
                .with(java.util.Map.of(
                        "handshake-deadline",
                        Duration.ofSeconds(3),
                        "request-bytes",
                        requestBytes,
                        "reply-bytes-in-memory",
                        requestBytes,
                        "buffer-bytes",
                        bufferBytes,
                        "reply-memory-wait",
                        Duration.ofSeconds(2),
                        "send-stall",
                        Duration.ofSeconds(1)));
    }

    @BeforeEach
    void start() throws IOException {
        faults = Faults.listen();
        image = Files.write(directory.resolve("image"), pattern(SIZE, 0));
        exports = new Exports(Leases.inMemory());
        exports.add(Export.open("root", image, false));
        exports.add(Export.open("ro", Files.write(directory.resolve("ro"), pattern(SIZE, 1)), true));
        exports.add(Export.memory("memory", SIZE));
        serve(LIMITS);
        serveHonestly();
        await().until(() -> Footprint.connectionThreads() == 0);
        before = Footprint.now();
    }

    private void add(Export export) throws IOException {
        exports.add(export);
        before = Footprint.now();
    }

    private void serve(NbdLimits limits) throws IOException {
        if (server != null) {
            server.close();
        }
        pool = new BufferPool(limits);
        server = new NbdServer(
                new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), exports, limits, NbdObserver.NONE, pool);
        server.start();
    }

    @AfterEach
    void nothingIsLeft() throws IOException {
        try {
            serveHonestly();
            before.assertIsBack();
            assertThat(server.inFlightBytes()).isZero();
            assertThat(exports.all())
                    .allMatch(export -> exports.leases().of(export.name()).connections() == 0);
            assertPoolIsWhole();
            assertThat(faults.found()).isEmpty();
        } finally {
            server.close();
            exports.close();
            faults.close();
        }
        assertThat(Footprint.openDescriptors()).as("open files after the stop").isLessThan(before.descriptors());
    }

    private void serveHonestly() throws IOException {
        byte[] written = pattern(200_000, 7);
        for (String export : new String[] {"root", "memory"}) {
            try (Peer peer = Peer.in(server.address(), export)) {
                peer.ask(FUA, Peer.WRITE, 1, 4096, written.length, written);
                assertThat(peer.answer(1)).isZero();
                peer.ask(0, Peer.READ, 2, 4096, written.length);
                assertThat(peer.answer(2)).isZero();
                assertThat(peer.receive(written.length).array()).isEqualTo(written);
                peer.ask(0, Peer.DISC, 3, 0, 0);
                assertThat(peer.closedByServer()).isTrue();
            }
        }
    }

    /** All that there is can be had, and at once. */
    private void assertPoolIsWhole() throws IOException {
        pool.giveFromReply(pool.takeForReply(LIMITS.requestBytes()));
        List<BufferPool.Buffers> taken = new ArrayList<>();
        for (int i = 0; i < LIMITS.bufferBytes() / (LIMITS.receiveBytes() + LIMITS.replyBytes()); i++) {
            taken.add(pool.takeForTransmission());
            assertThat(taken.getLast().received().capacity()).isEqualTo(LIMITS.receiveBytes());
        }
        taken.forEach(pool::give);
    }

    private static byte[] pattern(int length, int seed) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (i * 7 + seed + (i >> 9) + 1);
        }
        return bytes;
    }

    private Peer greeted() throws IOException {
        return Peer.greeted(server.address());
    }

    private Peer in(String export, int headers) throws IOException {
        return headers == 0 ? Peer.in(server.address(), export) : Peer.in(server.address(), export, headers);
    }

    private static int refusal(Peer peer, int option, ByteBuffer data) throws IOException {
        peer.option(option, data);
        return peer.reply().type();
    }

    private static ByteBuffer bytes(byte[] bytes) {
        return ByteBuffer.allocate(bytes.length).put(bytes);
    }

    private static ByteBuffer nothing() {
        return ByteBuffer.allocate(0);
    }

    private static byte[] name(int length) {
        byte[] name = new byte[length];
        Arrays.fill(name, (byte) 'n');
        return name;
    }

    /** The data of an option that names an export, with a length that need not be the name's. */
    private static ByteBuffer naming(int option, int length, byte[] name) {
        boolean meta = option == Peer.OPT_LIST_META || option == Peer.OPT_SET_META;
        ByteBuffer data = ByteBuffer.allocate(8 + name.length).putInt(length).put(name);
        return meta ? data.putInt(0) : data.putShort((short) 0);
    }

    private static void ask(Peer peer, int headers, int flags, int type, long cookie, long offset, int length)
            throws IOException {
        ask(peer, headers, flags, type, cookie, offset, length, new byte[0]);
    }

    private static void ask(
            Peer peer, int headers, int flags, int type, long cookie, long offset, int length, byte[] payload)
            throws IOException {
        if (headers == Peer.OPT_EXTENDED) {
            int payloadLen = type == Peer.WRITE ? Peer.PAYLOAD_LEN : 0;
            peer.askExtended(flags | payloadLen, type, cookie, offset, Integer.toUnsignedLong(length), payload);
        } else {
            peer.ask(flags, type, cookie, offset, length, payload);
        }
    }

    /** The error of a reply without data. */
    private static int error(Peer peer, int headers, long cookie, long offset) throws IOException {
        return switch (headers) {
            case 0 -> peer.answer(cookie);
            case Peer.OPT_STRUCTURED -> peer.structured().error();
            default -> peer.extended(offset).error();
        };
    }

    // ---- negotiation ----

    @Test
    void cve2022x26495LengthsOfNamesThatOverflow() throws IOException {
        int[] lengths = {-1, -2, -5, -8, Integer.MIN_VALUE, Integer.MAX_VALUE, 1 << 16, 5, 6, 9};
        for (int option : NAMING) {
            try (Peer peer = greeted().agreed(Peer.OPT_STRUCTURED)) {
                for (int length : lengths) {
                    assertThat(refusal(peer, option, naming(option, length, name(4))))
                            .as("option %d, length %x", option, length)
                            .isEqualTo(ERR_INVALID);
                }
                peer.go("root");
            }
        }
        for (int query : lengths) {
            try (Peer peer = greeted().agreed(Peer.OPT_STRUCTURED)) {
                ByteBuffer data = ByteBuffer.allocate(16)
                        .putInt(4)
                        .put("root".getBytes(StandardCharsets.US_ASCII))
                        .putInt(1)
                        .putInt(query);
                assertThat(refusal(peer, Peer.OPT_SET_META, data)).isEqualTo(ERR_INVALID);
                peer.go("root");
            }
        }
    }

    @Test
    void cve2022x26496VeryLargeNames() throws IOException {
        for (int length :
                new int[] {4097, 5000, 8000, LIMITS.optionBytes(), 1 << 16, LIMITS.skippedOptionBytes() - 8}) {
            for (int option : NAMING) {
                try (Peer peer = greeted().agreed(Peer.OPT_STRUCTURED)) {
                    ByteBuffer data = naming(option, length, name(length));
                    int expected = data.position() > LIMITS.optionBytes() ? ERR_TOO_BIG : ERR_INVALID;
                    assertThat(refusal(peer, option, data)).isEqualTo(expected);
                    peer.go("root");
                }
            }
            try (Peer peer = greeted()) {
                peer.option(Peer.OPT_EXPORT_NAME, bytes(name(length)));
                assertThat(peer.closedByServer()).isTrue();
            }
        }
    }

    @Test
    void cve2017x15118NamesOf257To4096Bytes() throws IOException {
        for (int length : new int[] {255, 256, 257, 258, 511, 1024, 2048, 4095, 4096}) {
            for (int option : NAMING) {
                try (Peer peer = greeted().agreed(Peer.OPT_STRUCTURED)) {
                    assertThat(refusal(peer, option, naming(option, length, name(length))))
                            .isEqualTo(ERR_UNKNOWN);
                    peer.go("root");
                }
            }
            try (Peer peer = greeted()) {
                peer.option(Peer.OPT_EXPORT_NAME, bytes(name(length)));
                assertThat(peer.closedByServer()).isTrue();
            }
        }
    }

    @Test
    void namesOfEveryByteInEveryOptionThatTakesOne() throws IOException {
        for (int option : NAMING) {
            for (int from = 0; from < 256; from += 32) {
                try (Peer peer = greeted().agreed(Peer.OPT_STRUCTURED)) {
                    for (int value = from; value < from + 32; value++) {
                        byte[] name = {'r', 'o', (byte) value, 't'};
                        int expected = value == 0 || value > 127 ? ERR_INVALID : ERR_UNKNOWN;
                        if (value != 'o') {
                            assertThat(refusal(peer, option, naming(option, name.length, name)))
                                    .as("byte %d in option %d", value, option)
                                    .isEqualTo(expected);
                        }
                    }
                    peer.go("root");
                }
            }
        }
        for (int value = 0; value < 256; value++) {
            try (Peer peer = greeted()) {
                peer.option(Peer.OPT_EXPORT_NAME, bytes(new byte[] {(byte) value}));
                assertThat(peer.closedByServer()).isTrue();
            }
        }
    }

    @Test
    void cve2017x15119OptionsOfUpTo4GiB() throws IOException {
        byte[] megabyte = new byte[1 << 20];
        for (int option : new int[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 99, -1}) {
            for (int length : new int[] {LIMITS.skippedOptionBytes() + 1, 32 << 20, Integer.MAX_VALUE, -1}) {
                try (Peer peer = greeted()) {
                    peer.optionHeader(option, length);
                    assertThat(sentUntilClosed(peer, megabyte)).isLessThan(100L << 20);
                }
            }
        }
    }

    /** How much of its data a server lets a client send. */
    private static long sentUntilClosed(Peer peer, byte[] piece) {
        long sent = 0;
        try {
            while (sent < 1L << 32) {
                peer.send(bytes(piece));
                sent += piece.length;
            }
        } catch (IOException e) {
            // The server has closed.
        }
        return sent;
    }

    @Test
    void cve2017x7539GarbageInTheNegotiation() throws IOException {
        Random random = new Random(7539);
        for (int i = 0; i < 300; i++) {
            byte[] garbage = new byte[1 + random.nextInt(100)];
            random.nextBytes(garbage);
            try (Peer peer = i % 3 == 0 ? Peer.mute(server.address()) : greeted()) {
                if (i % 3 == 2) {
                    peer.option(Peer.OPT_INFO, Peer.query("root"));
                }
                peer.send(bytes(garbage));
                if (i % 2 == 0) {
                    peer.reset();
                } else {
                    peer.hearToTheEnd();
                }
            } catch (SocketException e) {
                // The server had enough of it.
            }
        }
    }

    @Test
    void cve2017x9524ACloseWhileRepliesAreUnderWay() throws IOException {
        for (int i = 0; i < 100; i++) {
            try (Peer peer = greeted()) {
                ByteBuffer options = ByteBuffer.allocate(16 * 40);
                for (int option = 0; option < 40; option++) {
                    options.putLong(0x49484156454F5054L)
                            .putInt(option % 2 == 0 ? Peer.OPT_LIST : 99)
                            .putInt(0);
                }
                peer.send(options);
                if (i % 2 == 0) {
                    peer.reset();
                }
            }
        }
    }

    @Test
    void cve2013x7441AnUnknownExportAndAClose() throws IOException {
        for (int i = 0; i < 50; i++) {
            try (Peer peer = greeted()) {
                peer.option(Peer.OPT_EXPORT_NAME, bytes(name(1 + i)));
                if (i % 2 == 0) {
                    assertThat(peer.closedByServer()).isTrue();
                } else {
                    peer.reset();
                }
            }
            try (Peer peer = greeted()) {
                peer.option(Peer.OPT_GO, naming(Peer.OPT_GO, 1 + i, name(1 + i)));
            }
        }
    }

    @Test
    void cve2024x7409TwoHundredMuteSocketsKeepNobodyOut() throws IOException {
        List<Peer> mute = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            Peer peer = i % 4 == 0 ? Peer.mute(server.address()) : greeted();
            if (i % 4 == 2) {
                peer.optionHeader(Peer.OPT_GO, 100);
            } else if (i % 4 == 3) {
                peer.send(bytes(new byte[] {'I', 'H', 'A', 'V', 'E'}));
            }
            mute.add(peer);
        }
        long start = System.nanoTime();
        serveHonestly();
        assertThat(Duration.ofNanos(System.nanoTime() - start))
                .as("at once, and not when the others have reached their deadline")
                .isLessThan(LIMITS.handshakeDeadline());
        for (int i = 0; i < mute.size(); i++) {
            if (i % 4 == 0) {
                mute.get(i).receive(18);
            }
            assertThat(mute.get(i).closedByServer()).isTrue();
            mute.get(i).close();
        }
    }

    @Test
    void cve2013x6410AnAddressThatBeginsAsAnother() throws IOException {
        serve(LIMITS.withConnections(100, 1));
        try (Peer holder = in("root", 0)) {
            for (String other : new String[] {"127.0.0.10", "127.0.0.11", "127.0.0.100", "127.0.0.199"}) {
                // Neither the holder nor counted as it.
                try (Peer peer = Peer.greeted(server.address(), other)) {
                    peer.option(Peer.OPT_GO, Peer.query("root"));
                    Peer.OptionReply reply = peer.reply();
                    assertThat(reply.type()).isEqualTo(ERR_POLICY);
                    assertThat(reply.text()).contains("in use by 127.0.0.1");
                    peer.go("ro");
                }
            }
            try (Peer again = Peer.mute(server.address())) {
                assertThat(again.closedByServer()).isTrue();
            }
            holder.ask(0, Peer.DISC, 1, 0, 0);
            assertThat(holder.closedByServer()).isTrue();
        }
        await().until(() -> Footprint.connectionThreads() == 0);
        try (Peer longer = Peer.greeted(server.address(), "127.0.0.10")) {
            longer.go("root");
            try (Peer shorter = greeted()) {
                assertThat(refusal(shorter, Peer.OPT_GO, Peer.query("root"))).isEqualTo(ERR_POLICY);
            }
        }
        await().until(() -> Footprint.connectionThreads() == 0);
        serve(LIMITS);
    }

    @Test
    void cve2019x14850TheDiskIsLeftAloneUntilGo() throws IOException {
        FakeDisk disk = new FakeDisk(SIZE);
        add(disk.export("fake"));
        for (int i = 0; i < 50; i++) {
            try (Peer peer = greeted().agreed(Peer.OPT_STRUCTURED)) {
                peer.option(Peer.OPT_LIST, nothing());
                while (peer.reply().type() != ACK) {
                    // The exports.
                }
                peer.option(Peer.OPT_SET_META, Peer.metaContexts("fake", "base:allocation"));
                while (peer.reply().type() != ACK) {
                    // The context.
                }
                peer.option(Peer.OPT_INFO, Peer.query("fake"));
                while (peer.reply().type() != ACK) {
                    // The information.
                }
                assertThat(exports.leases().of("fake").holder()).isNull();
                assertThat(exports.leases().of("fake").connections()).isZero();
            }
        }
        assertThat(disk.calls()).isEmpty();
    }

    @Test
    void cve2019x14851OptionsInAnyOrder() throws IOException {
        List<Integer> options = new ArrayList<>(
                List.of(Peer.OPT_INFO, Peer.OPT_LIST, Peer.OPT_STRUCTURED, Peer.OPT_SET_META, Peer.OPT_EXTENDED));
        Random random = new Random(14851);
        for (int i = 0; i < 150; i++) {
            Collections.shuffle(options, random);
            try (Peer peer = greeted()) {
                for (int option : options) {
                    String asked = random.nextBoolean() ? "ro" : "root";
                    peer.option(
                            option,
                            switch (option) {
                                case Peer.OPT_INFO -> Peer.query(asked);
                                case Peer.OPT_SET_META -> Peer.metaContexts(asked, "base:allocation");
                                default -> nothing();
                            });
                    int type = peer.reply().type();
                    while (type > 1 && type < 5) {
                        type = peer.reply().type();
                    }
                    assertThat(type).as("option %d of %s", option, options).isIn(ACK, ERR_INVALID, ERR_EXT_HEADER_REQD);
                }
                // Another export than was asked about.
                peer.go("ro");
                ask(peer, Peer.OPT_EXTENDED, 0, Peer.READ, 1, 0, 1);
                assertThat(head(peer, Peer.OPT_EXTENDED)).isEqualTo(pattern(1, 1)[0]);
            }
        }
    }

    @Test
    void cve2021x3716WhatIsSentWithStartTls() throws IOException {
        try (Peer peer = greeted().agreed(Peer.OPT_STRUCTURED)) {
            ByteBuffer query = Peer.query("root");
            ByteBuffer all = ByteBuffer.allocate(200);
            for (int i = 0; i < 2; i++) {
                all.putLong(0x49484156454F5054L).putInt(Peer.OPT_STARTTLS).putInt(0);
            }
            all.putLong(0x49484156454F5054L)
                    .putInt(Peer.OPT_GO)
                    .putInt(query.position())
                    .put(query.flip());
            peer.send(all);
            assertThat(peer.reply().type()).isEqualTo(ERR_UNSUP);
            assertThat(peer.reply().type()).isEqualTo(ERR_UNSUP);
            // It was refused, so that what follows is said in the clear, as is what was agreed before.
            while (peer.reply().type() != ACK) {
                // The information.
            }
            peer.ask(0, Peer.READ, 1, 0, 1);
            assertThat(peer.structured().error()).isZero();
        }
        try (Peer peer = greeted()) {
            byte[] clientHello = {0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3, 3, 0, 0, 0, 0, 0};
            peer.send(ByteBuffer.allocate(32)
                    .putLong(0x49484156454F5054L)
                    .putInt(Peer.OPT_STARTTLS)
                    .putInt(0)
                    .put(clientHello));
            assertThat(peer.reply().type()).isEqualTo(ERR_UNSUP);
            assertThat(peer.closedByServer()).isTrue();
        }
    }

    @Test
    void nbdServerOptionsWithTrailingBytes() throws IOException {
        for (int trailing : new int[] {1, 2, 4, 17, 1000}) {
            try (Peer peer = greeted().agreed(Peer.OPT_STRUCTURED)) {
                for (int option :
                        new int[] {Peer.OPT_LIST, Peer.OPT_STARTTLS, Peer.OPT_STRUCTURED, Peer.OPT_EXTENDED}) {
                    assertThat(refusal(peer, option, bytes(new byte[trailing])))
                            .as("option %d", option)
                            .isEqualTo(ERR_INVALID);
                }
                for (int option : NAMING) {
                    ByteBuffer data = ByteBuffer.allocate(1100)
                            .put(naming(option, 4, "root".getBytes(StandardCharsets.US_ASCII))
                                    .flip());
                    assertThat(refusal(peer, option, data.put(new byte[trailing])))
                            .as("option %d", option)
                            .isEqualTo(ERR_INVALID);
                }
                peer.go("root");
            }
            try (Peer peer = greeted()) {
                assertThat(refusal(peer, Peer.OPT_ABORT, bytes(new byte[trailing])))
                        .isEqualTo(ACK);
                assertThat(peer.closedByServer()).isTrue();
            }
        }
    }

    // ---- transmission ----

    @Test
    void cve2011x0530RequestsLongerThanTheBuffer() throws IOException {
        int small = BufferPool.SMALL_BYTES;
        int full = LIMITS.receiveBytes();
        int most = LIMITS.requestBytes();
        for (int headers : HEADERS) {
            // The first two have full-sized buffers, and the third has small ones.
            try (Peer first = in("root", headers);
                    Peer second = in("root", headers);
                    Peer third = in("root", headers)) {
                for (Peer peer : List.of(first, third)) {
                    byte[] around = pattern(SIZE, headers + 3);
                    for (int length : new int[] {small - 28, small, small + 1, full - 28, full + 1, most - 1, most}) {
                        byte[] payload = Arrays.copyOf(around, length);
                        ask(peer, headers, 0, Peer.WRITE, length, 0, length, payload);
                        assertThat(error(peer, headers, length, 0)).isZero();
                        ask(second, headers, 0, Peer.READ, 1, 0, 1);
                        assertThat(head(second, headers)).isEqualTo(payload[0]);
                        assertThat(readImage(length)).isEqualTo(payload);
                    }
                    int tooLong = headers == Peer.OPT_EXTENDED ? most : 2 * most;
                    for (int length : headers == Peer.OPT_EXTENDED ? new int[0] : new int[] {most + 1, tooLong}) {
                        ask(peer, headers, 0, Peer.WRITE, length, 0, length, new byte[length]);
                        assertThat(error(peer, headers, length, 0)).isEqualTo(EINVAL);
                    }
                    assertThat(readImage(most)).isEqualTo(Arrays.copyOf(around, most));
                    ask(peer, headers, 0, Peer.WRITE, 1, 0, tooLong + 1);
                    assertThat(sentUntilClosed(peer, new byte[1 << 20])).isLessThan(100L << 20);
                }
            }
        }
    }

    private byte[] readImage(int length) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "r")) {
            byte[] bytes = new byte[length];
            file.readFully(bytes);
            return bytes;
        }
    }

    /** The first byte of a successful read of one. */
    private static byte head(Peer peer, int headers) throws IOException {
        if (headers == 0) {
            assertThat(peer.answer(1)).isZero();
            return peer.receive(1).get();
        }
        Peer.Chunk chunk = headers == Peer.OPT_STRUCTURED ? peer.structured() : peer.extended(0);
        assertThat(chunk.error()).isZero();
        return chunk.content().get(8);
    }

    @Test
    void cve2025x47711BlockStatusOf4GiB() throws IOException {
        long size = 6L << 30;
        Path huge = sparse("huge", size, 5L << 30);
        add(Export.open("huge", huge, false));
        try (Peer peer = in("huge", Peer.OPT_STRUCTURED)) {
            for (int length : new int[] {-1, -4096, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
                for (long offset : new long[] {0, 4096, 1L << 30, size - Integer.toUnsignedLong(length)}) {
                    peer.ask(0, Peer.BLOCK_STATUS, 1, offset, length);
                    assertExtentsFit(peer.structured(), Integer.toUnsignedLong(length));
                }
                peer.ask(0, Peer.BLOCK_STATUS, 1, size - Integer.toUnsignedLong(length) + 1, length);
                assertThat(peer.structured().error()).isEqualTo(EINVAL);
            }
        }
    }

    private static void assertExtentsFit(Peer.Chunk chunk, long asked) {
        assertThat(chunk.error()).isZero();
        ByteBuffer content = chunk.content();
        content.getInt();
        long told = 0;
        while (content.hasRemaining()) {
            long length = Integer.toUnsignedLong(content.getInt());
            assertThat(length).isPositive();
            told += length;
            content.getInt();
        }
        assertThat(told).isEqualTo(asked);
    }

    @Test
    void cve2025x47712ExtentsBeyond32Bits() throws IOException {
        long size = 1L << 43;
        add(Export.open("huge", sparse("huge", size, (1L << 42) + 4096), false));
        try (Peer peer = in("huge", Peer.OPT_EXTENDED)) {
            for (long length : new long[] {size, 1L << 32, (1L << 32) + 4096, (1L << 42) + 4096}) {
                for (long offset : new long[] {0, 4096, 1L << 32, size - length}) {
                    peer.askExtended(0, Peer.BLOCK_STATUS, 1, offset, length);
                    Peer.Chunk chunk = peer.extended(offset);
                    if (offset > size - length) {
                        assertThat(chunk.error()).isEqualTo(EINVAL);
                        continue;
                    }
                    ByteBuffer content = chunk.content().position(8);
                    long told = 0;
                    while (content.hasRemaining()) {
                        told += content.getLong();
                        content.getLong();
                    }
                    assertThat(told).isEqualTo(length);
                }
            }
            for (long length : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE}) {
                peer.askExtended(0, Peer.BLOCK_STATUS, 1, 4096, length);
                assertThat(peer.extended(4096).error()).isEqualTo(EINVAL);
            }
        }
        try (Peer peer = in("huge", Peer.OPT_STRUCTURED)) {
            // Of this hole 32 bits cannot tell the length, and what was not asked for is not told.
            peer.ask(0, Peer.BLOCK_STATUS, 2, 1L << 33, -512);
            assertExtentsFit(peer.structured(), Integer.toUnsignedLong(-512));
        }
    }

    /** A file of holes with one block of data. */
    private Path sparse(String name, long size, long dataAt) throws IOException {
        Path sparse = directory.resolve(name);
        try (RandomAccessFile file = new RandomAccessFile(sparse.toFile(), "rw")) {
            file.setLength(size);
            file.seek(dataAt);
            file.write(1);
        }
        return sparse;
    }

    @Test
    void nbdkit1x44WriteZeroesOfMoreThan64MiBAreNotTruncated() throws IOException {
        int mebibyte = 1 << 20;
        int size = 140 * mebibyte;
        Path large = sparse("large", size, size - 1);
        int[] marks = {0, 1, 63, 64, 65, 127, 128, 129, 130, 131, 139};
        add(Export.open("large", large, false));
        for (int flags : new int[] {0, FUA, NO_HOLE}) {
            for (int headers : HEADERS) {
                try (RandomAccessFile file = new RandomAccessFile(large.toFile(), "rw");
                        Peer peer = in("large", headers)) {
                    for (int mark : marks) {
                        file.seek((long) mark * mebibyte);
                        file.write(1);
                    }
                    int length = 130 * mebibyte;
                    ask(peer, headers, flags, Peer.WRITE_ZEROES, 1, mebibyte, length);
                    assertThat(error(peer, headers, 1, mebibyte)).isZero();
                    for (int mark : marks) {
                        file.seek((long) mark * mebibyte);
                        assertThat(file.read()).as("at %d MiB", mark).isEqualTo(mark == 0 || mark >= 131 ? 1 : 0);
                    }
                }
            }
        }
    }

    @Test
    void aFastZeroThatWasNotOffered() throws IOException {
        for (int headers : HEADERS) {
            try (Peer peer = in("ro", headers)) {
                ask(peer, headers, FAST_ZERO, Peer.WRITE_ZEROES, 1, 0, 4096);
                assertThat(error(peer, headers, 1, 0)).isIn(EPERM, EINVAL);
                ask(peer, headers, FAST_ZERO, Peer.TRIM, 1, 0, 4096);
                assertThat(error(peer, headers, 1, 0)).isIn(EPERM, EINVAL);
                ask(peer, headers, 0, Peer.READ, 1, 0, 1);
                assertThat(head(peer, headers)).isEqualTo(pattern(1, 1)[0]);
            }
        }
        assertThat(Files.readAllBytes(directory.resolve("ro"))).isEqualTo(pattern(SIZE, 1));
    }

    @Test
    void resetsWithLargeReadsInFlight() throws IOException {
        int length = LIMITS.requestBytes();
        for (int i = 0; i < 30; i++) {
            int headers = HEADERS[i % 3];
            try (Peer peer = in(i % 2 == 0 ? "root" : "memory", headers)) {
                for (int read = 0; read < 20; read++) {
                    ask(peer, headers, 0, Peer.READ, read, 0, length);
                }
                if (i % 5 != 0) {
                    // Not before the first reply is under way.
                    peer.receive(16);
                }
                peer.reset();
            }
        }
    }

    @Test
    void resetsInTheMiddleOfAWrite() throws IOException {
        int length = LIMITS.requestBytes();
        for (int i = 0; i < 30; i++) {
            int headers = HEADERS[i % 3];
            try (Peer peer = in(i % 2 == 0 ? "root" : "memory", headers)) {
                ask(peer, headers, 0, Peer.WRITE, 1, 0, length, new byte[i * length / 30]);
                peer.reset();
            }
        }
    }

    @Test
    void slowReadersThatNeverDrain() throws Exception {
        int readers = 60;
        List<Peer> slow = new ArrayList<>();
        try {
            for (int i = 0; i < readers; i++) {
                int headers = HEADERS[i % 3];
                // Half of them by sendfile, and half through the memory that there is for one reply.
                Peer peer = in(i % 2 == 0 ? "ro" : "memory", headers);
                slow.add(peer);
                for (int read = 0; read < 20; read++) {
                    ask(peer, headers, 0, Peer.READ, read, 0, LIMITS.requestBytes());
                }
            }
            await().until(() -> server.inFlightBytes() > 0);
            long atMost = before.directBytes()
                    + LIMITS.bufferBytes()
                    + LIMITS.replyBytesInMemory()
                    + 2L * readers * BufferPool.SMALL_BYTES
                    + (8 << 20);
            // What replies had is the collector's to give back.
            await().untilAsserted(() -> {
                System.gc();
                assertThat(Footprint.usedDirect())
                        .as("bounded, whoever does not read")
                        .isLessThan(atMost);
            });
            try (Peer honest = in("root", 0)) {
                honest.ask(0, Peer.READ, 1, 0, 1 << 20);
                assertThat(honest.answer(1)).isZero();
                honest.receive(1 << 20);
            }
            // Nobody reads, and yet they all end.
            await().atMost(30, TimeUnit.SECONDS).until(() -> Footprint.connectionThreads() == 0);
        } finally {
            for (Peer peer : slow) {
                peer.close();
            }
        }
    }

    @Test
    void aStopWithClientsOpen() throws Exception {
        serve(LIMITS.withStop(Duration.ofMillis(300), Duration.ofSeconds(5)));
        List<Peer> peers = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            int headers = HEADERS[i % 3];
            peers.add(Peer.mute(server.address()));
            Peer inTheMiddle = greeted();
            inTheMiddle.optionHeader(Peer.OPT_GO, 10);
            peers.add(inTheMiddle);
            peers.add(in("root", headers));
            Peer reading = in("memory", headers);
            ask(reading, headers, 0, Peer.READ, 1, 0, LIMITS.requestBytes());
            peers.add(reading);
            Peer writing = in("root", headers);
            ask(writing, headers, 0, Peer.WRITE, 1, 0, LIMITS.requestBytes(), new byte[100_000]);
            peers.add(writing);
        }
        long start = System.nanoTime();
        server.close();
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(10));
        assertThat(server.running()).isFalse();
        assertThat(Footprint.connectionThreads()).isZero();
        for (Peer peer : peers) {
            peer.hearToTheEndOrReset();
            peer.close();
        }
        assertThat(exports.all())
                .allMatch(export -> exports.leases().of(export.name()).connections() == 0);
        serve(LIMITS);
    }
}
