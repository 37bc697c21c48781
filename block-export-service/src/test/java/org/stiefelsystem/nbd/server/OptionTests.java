package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.Leases;
import org.stiefelsystem.nbd.export.PeerAddress;
import org.stiefelsystem.nbd.export.Session;
import org.stiefelsystem.nbd.linux.TcpListener;
import org.stiefelsystem.nbd.linux.TcpSocket;

/** Each option: what it agrees on, and how it is refused; after a refusal the next option is read. */
@NullUnmarked
class OptionTests {

    private static final int ACK = 1;
    private static final int META_CONTEXT = 4;
    private static final int ERR_UNSUP = 0x8000_0001;
    private static final int ERR_POLICY = 0x8000_0002;
    private static final int ERR_INVALID = 0x8000_0003;
    private static final int ERR_UNKNOWN = 0x8000_0006;
    private static final int ERR_SHUTDOWN = 0x8000_0007;
    private static final int ERR_TOO_BIG = 0x8000_0009;
    private static final int ERR_EXT_HEADER_REQD = 0x8000_000a;
    private static final int SEND_DF = 1 << 7;
    private static final int BLOCK_STATUS_PAYLOAD = 1 << 12;

    @TempDir
    private Path directory;

    private TestServer server;

    @BeforeEach
    void start() throws IOException {
        server = TestServer.of(
                NbdLimits.defaults(),
                Export.memory("root", 1 << 20),
                Export.open("ro", Files.write(directory.resolve("ro"), new byte[4096]), true));
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private Peer greeted() throws IOException {
        return Peer.greeted(server.address());
    }

    private static ByteBuffer nothing() {
        return ByteBuffer.allocate(0);
    }

    private static ByteBuffer text(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(bytes.length).put(bytes);
    }

    private static int refusal(Peer peer, int option, ByteBuffer data) throws IOException {
        peer.option(option, data);
        return peer.reply().type();
    }

    /** The transmission flags that an INFO tells. */
    private static int flags(Peer peer, String export) throws IOException {
        peer.option(Peer.OPT_INFO, Peer.query(export));
        int flags = -1;
        for (Peer.OptionReply reply = peer.reply(); reply.type() != ACK; reply = peer.reply()) {
            if (reply.content().getShort(0) == 0) {
                flags = Short.toUnsignedInt(reply.content().getShort(10));
            }
        }
        return flags;
    }

    /** The names that LIST or SET_META_CONTEXT answers; each must have the id. */
    private static List<String> contexts(Peer peer, int option, int id, String export, String... queries)
            throws IOException {
        peer.option(option, Peer.metaContexts(export, queries));
        List<String> names = new ArrayList<>();
        Peer.OptionReply reply = peer.reply();
        while (reply.type() == META_CONTEXT) {
            assertThat(reply.content().getInt()).isEqualTo(id);
            names.add(reply.text());
            reply = peer.reply();
        }
        assertThat(reply.type()).isEqualTo(ACK);
        return names;
    }

    private static boolean answersBlockStatus(Peer peer) throws IOException {
        peer.ask(0, Peer.BLOCK_STATUS, 9, 0, 4096);
        return peer.structured().error() == 0;
    }

    // ---- one error each ----

    @Test
    void exportNameErrorClosesForItHasNoReply() throws IOException {
        for (ByteBuffer name :
                List.of(text("nothing"), ByteBuffer.allocate(4097).position(4097), text("a\0"))) {
            try (Peer peer = greeted()) {
                peer.option(Peer.OPT_EXPORT_NAME, name);
                assertThat(peer.closedByServer()).isTrue();
            }
        }
    }

    @Test
    void exportNameErrorAfterExtendedHeaders() throws IOException {
        try (Peer peer = greeted().agreed(Peer.OPT_EXTENDED)) {
            peer.option(Peer.OPT_EXPORT_NAME, text("root"));
            assertThat(peer.closedByServer()).isTrue();
        }
    }

    @Test
    void abortErrorIsNone() throws IOException {
        try (Peer peer = greeted()) {
            peer.option(Peer.OPT_ABORT, text("whatever"));
            assertThat(peer.reply().type()).isEqualTo(ACK);
            assertThat(peer.closedByServer()).isTrue();
        }
    }

    @Test
    void listErrorWithData() throws IOException {
        try (Peer peer = greeted()) {
            assertThat(refusal(peer, Peer.OPT_LIST, text("x"))).isEqualTo(ERR_INVALID);
            peer.go("root");
        }
    }

    @Test
    void startTlsErrorAlways() throws IOException {
        try (Peer peer = greeted().agreed(Peer.OPT_STRUCTURED)) {
            assertThat(refusal(peer, Peer.OPT_STARTTLS, nothing())).isEqualTo(ERR_UNSUP);
            assertThat(refusal(peer, Peer.OPT_STARTTLS, text("x"))).isEqualTo(ERR_INVALID);
            assertThat(flags(peer, "root") & SEND_DF).isNotZero();
        }
    }

    @Test
    void infoErrorOfAnUnknownExport() throws IOException {
        try (Peer peer = greeted()) {
            assertThat(refusal(peer, Peer.OPT_INFO, Peer.query("nothing"))).isEqualTo(ERR_UNKNOWN);
            assertThat(refusal(peer, Peer.OPT_INFO, text("x"))).isEqualTo(ERR_INVALID);
            peer.go("root");
        }
    }

    @Test
    void goErrorOfAnExportInUse() throws IOException {
        try (Peer holder = Peer.in(server.address(), "root");
                Peer other = Peer.greeted(server.address(), "127.0.0.2")) {
            holder.ask(0, Peer.READ, 1, 0, 1);
            assertThat(holder.answer(1)).isZero();
            assertThat(refusal(other, Peer.OPT_GO, Peer.query("root"))).isEqualTo(ERR_POLICY);
            assertThat(refusal(other, Peer.OPT_GO, Peer.query("nothing"))).isEqualTo(ERR_UNKNOWN);
            assertThat(refusal(other, Peer.OPT_GO, text("x"))).isEqualTo(ERR_INVALID);
            other.go("ro");
        }
    }

    @Test
    void structuredReplyErrorTwiceOrWithDataOrAfterExtendedHeaders() throws IOException {
        try (Peer peer = greeted()) {
            assertThat(refusal(peer, Peer.OPT_STRUCTURED, text("x"))).isEqualTo(ERR_INVALID);
            assertThat(flags(peer, "root") & SEND_DF).isZero();
            peer.agreed(Peer.OPT_STRUCTURED);
            assertThat(refusal(peer, Peer.OPT_STRUCTURED, nothing())).isEqualTo(ERR_INVALID);
            peer.agreed(Peer.OPT_EXTENDED);
            assertThat(refusal(peer, Peer.OPT_STRUCTURED, nothing())).isEqualTo(ERR_EXT_HEADER_REQD);
            peer.go("root");
            peer.askExtended(0, Peer.FLUSH, 1, 0, 0);
            assertThat(peer.extended(0).error()).isZero();
        }
    }

    @Test
    void listMetaContextErrorWithoutStructuredReplies() throws IOException {
        try (Peer peer = greeted()) {
            ByteBuffer query = Peer.metaContexts("root", "base:");
            assertThat(refusal(peer, Peer.OPT_LIST_META, query.duplicate())).isEqualTo(ERR_INVALID);
            peer.agreed(Peer.OPT_STRUCTURED);
            assertThat(refusal(peer, Peer.OPT_LIST_META, Peer.metaContexts("nothing", "base:")))
                    .isEqualTo(ERR_UNKNOWN);
            assertThat(refusal(peer, Peer.OPT_LIST_META, query.duplicate().putInt(0, -1)))
                    .isEqualTo(ERR_INVALID);
            int limit = NbdLimits.defaults().optionBytes();
            assertThat(refusal(
                            peer,
                            Peer.OPT_LIST_META,
                            ByteBuffer.allocate(limit + 1).position(limit + 1)))
                    .isEqualTo(ERR_TOO_BIG);
        }
    }

    @Test
    void setMetaContextErrorLeavesNothingSelected() throws IOException {
        int limit = NbdLimits.defaults().optionBytes();
        List<ByteBuffer> wrong = List.of(
                Peer.metaContexts("nothing", "base:allocation"),
                Peer.metaContexts("root", "base:allocation").putInt(8, 2),
                text("x"),
                ByteBuffer.allocate(limit + 1).position(limit + 1));
        int[] errors = {ERR_UNKNOWN, ERR_INVALID, ERR_INVALID, ERR_TOO_BIG};
        for (int i = 0; i < errors.length; i++) {
            try (Peer peer = greeted().agreed(Peer.OPT_STRUCTURED)) {
                assertThat(contexts(peer, Peer.OPT_SET_META, 1, "root", "base:allocation"))
                        .hasSize(1);
                assertThat(refusal(peer, Peer.OPT_SET_META, wrong.get(i).duplicate()))
                        .isEqualTo(errors[i]);
                peer.go("root");
                assertThat(answersBlockStatus(peer)).isFalse();
            }
        }
        try (Peer peer = greeted()) {
            assertThat(refusal(peer, Peer.OPT_SET_META, Peer.metaContexts("root", "base:allocation")))
                    .isEqualTo(ERR_INVALID);
            peer.go("root");
        }
    }

    @Test
    void extendedHeadersErrorTwiceOrWithData() throws IOException {
        try (Peer peer = greeted()) {
            assertThat(refusal(peer, Peer.OPT_EXTENDED, text("x"))).isEqualTo(ERR_INVALID);
            peer.agreed(Peer.OPT_EXTENDED);
            assertThat(refusal(peer, Peer.OPT_EXTENDED, nothing())).isEqualTo(ERR_INVALID);
            assertThat(flags(peer, "root") & SEND_DF).isNotZero();
        }
    }

    @Test
    void anyOptionErrorWhileTheServerStops() throws IOException {
        try (TcpListener listener =
                        TcpListener.listen(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), 1);
                Peer peer = Peer.mute(listener.address());
                TcpSocket accepted = listener.accept();
                Exports exports = new Exports(Leases.inMemory())) {
            exports.add(Export.memory("root", 4096));
            peer.send(ByteBuffer.allocate(4).putInt(3));
            for (int option : new int[] {Peer.OPT_LIST, Peer.OPT_GO, 99, Peer.OPT_ABORT}) {
                peer.option(option, Peer.query("root"));
            }
            Optional<Negotiated> negotiated = new Handshake(
                            accepted,
                            PeerAddress.of(accepted.peer().getAddress()),
                            new NobodySession(),
                            exports,
                            NbdLimits.defaults(),
                            new PeerWarnings(System.getLogger("test"), System.Logger.Level.WARNING, System::nanoTime),
                            ByteBuffer.allocateDirect(NbdLimits.defaults().optionBytes()),
                            () -> true)
                    .negotiate();
            assertThat(negotiated).isEmpty();
            peer.receive(18);
            for (int i = 0; i < 3; i++) {
                assertThat(peer.reply().type()).isEqualTo(ERR_SHUTDOWN);
            }
            assertThat(peer.reply().type()).isEqualTo(ACK);
        }
    }

    private static final class NobodySession implements Session {

        @Override
        public void fence() {
            // Nobody is here.
        }

        @Override
        public boolean hungUp() {
            return false;
        }
    }

    // ---- what is agreed ----

    @Test
    void contextsAreListedAndSelected() throws IOException {
        for (int headers : new int[] {Peer.OPT_STRUCTURED, Peer.OPT_EXTENDED}) {
            try (Peer peer = greeted().agreed(headers)) {
                for (String[] queries : new String[][] {
                    {}, {"base:"}, {"base:allocation"}, {"x-unknown:", "base:allocation", "base:allocation", "base:"}
                }) {
                    assertThat(contexts(peer, Peer.OPT_LIST_META, 0, "root", queries))
                            .containsExactly("base:allocation");
                }
                for (String[] queries :
                        new String[][] {{"base:nothing"}, {"x-unknown:y"}, {"base"}, {"qemu:dirty-bitmap:x"}}) {
                    assertThat(contexts(peer, Peer.OPT_LIST_META, 0, "root", queries))
                            .isEmpty();
                    assertThat(contexts(peer, Peer.OPT_SET_META, 1, "root", queries))
                            .isEmpty();
                }
                assertThat(contexts(peer, Peer.OPT_SET_META, 1, "root")).isEmpty();
                assertThat(contexts(peer, Peer.OPT_SET_META, 1, "root", "base:"))
                        .isEmpty();
                assertThat(contexts(peer, Peer.OPT_SET_META, 1, "root", "x:y", "base:allocation"))
                        .containsExactly("base:allocation");
            }
        }
    }

    @Test
    void listedContextsAreNotSelected() throws IOException {
        try (Peer peer = greeted().agreed(Peer.OPT_STRUCTURED)) {
            contexts(peer, Peer.OPT_LIST_META, 0, "root", "base:allocation");
            peer.go("root");
            assertThat(answersBlockStatus(peer)).isFalse();
        }
    }

    @Test
    void theLastSelectionCounts() throws IOException {
        try (Peer peer = greeted().agreed(Peer.OPT_STRUCTURED)) {
            contexts(peer, Peer.OPT_SET_META, 1, "root", "base:allocation");
            contexts(peer, Peer.OPT_SET_META, 1, "root", "x:y");
            peer.go("root");
            assertThat(answersBlockStatus(peer)).isFalse();
        }
        try (Peer peer = greeted().agreed(Peer.OPT_STRUCTURED)) {
            contexts(peer, Peer.OPT_SET_META, 1, "ro", "x:y");
            contexts(peer, Peer.OPT_SET_META, 1, "root", "base:allocation");
            contexts(peer, Peer.OPT_LIST_META, 0, "ro");
            peer.go("root");
            assertThat(answersBlockStatus(peer)).isTrue();
        }
    }

    @Test
    void contextsOfAnotherExportAreDropped() throws IOException {
        try (Peer peer = greeted().agreed(Peer.OPT_EXTENDED)) {
            contexts(peer, Peer.OPT_SET_META, 1, "root", "base:allocation");
            assertThat(flags(peer, "root") & BLOCK_STATUS_PAYLOAD).isNotZero();
            assertThat(flags(peer, "ro") & BLOCK_STATUS_PAYLOAD).isZero();
            peer.go("ro");
            peer.askExtended(0, Peer.BLOCK_STATUS, 1, 0, 4096);
            assertThat(peer.extended(0).error()).isEqualTo(22);
        }
    }

    @Test
    void aClientThatIsNotFixedGetsInByExportName() throws IOException {
        try (Peer peer = Peer.mute(server.address())) {
            peer.receive(18);
            peer.send(ByteBuffer.allocate(4).putInt(0));
            peer.option(Peer.OPT_EXPORT_NAME, text("root"));
            assertThat(peer.receive(134).getLong(0)).isPositive();
        }
    }

    @Test
    void exportNameKeepsWhatWasAgreed() throws IOException {
        try (Peer peer = greeted().agreed(Peer.OPT_STRUCTURED)) {
            contexts(peer, Peer.OPT_SET_META, 1, "root", "base:allocation");
            peer.option(Peer.OPT_EXPORT_NAME, text("root"));
            assertThat(peer.receive(10).getShort(8) & SEND_DF).isNotZero();
            assertThat(answersBlockStatus(peer)).isTrue();
        }
    }

    @Test
    void flagsAreThoseOfWhatWasAgreed() throws IOException {
        try (Peer peer = greeted()) {
            // HAS_FLAGS, FLUSH, FUA, TRIM, WRITE_ZEROES, MULTI_CONN, CACHE, FAST_ZERO
            assertThat(flags(peer, "root")).isEqualTo(0b1101_0110_1101);
            // … and READ_ONLY instead of what writes
            assertThat(flags(peer, "ro")).isEqualTo(0b0101_0000_1111);
            peer.agreed(Peer.OPT_STRUCTURED);
            assertThat(flags(peer, "root")).isEqualTo(0b1101_1110_1101);
            contexts(peer, Peer.OPT_SET_META, 1, "root", "base:allocation");
            assertThat(flags(peer, "root")).isEqualTo(0b1101_1110_1101);
            peer.agreed(Peer.OPT_EXTENDED);
            assertThat(flags(peer, "root")).isEqualTo(0b1_1101_1110_1101);
        }
    }

    @Test
    void informationIsGivenAsItIsAskedFor() throws IOException {
        try (Peer peer = greeted()) {
            peer.option(
                    Peer.OPT_INFO,
                    ByteBuffer.allocate(22)
                            .putInt(4)
                            .put("root".getBytes(StandardCharsets.US_ASCII))
                            .putShort((short) 6)
                            .putShort((short) 1)
                            .putShort((short) 2)
                            .putShort((short) 3)
                            .putShort((short) 1)
                            .putShort((short) 99)
                            .putShort((short) 0));
            List<Integer> types = new ArrayList<>();
            Peer.OptionReply reply = peer.reply();
            while (reply.type() == 3) {
                types.add((int) reply.content().getShort(0));
                reply = peer.reply();
            }
            assertThat(reply.type()).isEqualTo(ACK);
            assertThat(types).containsExactly(0, 1, 2, 3);
        }
    }
}
