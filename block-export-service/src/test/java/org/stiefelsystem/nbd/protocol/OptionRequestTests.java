package org.stiefelsystem.nbd.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.ByteBuffer;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.stiefelsystem.nbd.Hex;

class OptionRequestTests {

    private static final int GO = 7;

    private static ByteBuffer header() {
        return Hex.bytes(
                "49484156454f5054", // IHAVEOPT
                "00000007", // option: GO
                "ffffffff"); // length: 2^32-1
    }

    private static ByteBuffer query() {
        return Hex.bytes(
                "00000004", // name length
                "726f6f74", // root
                "0002", // information requests
                "0003", // BLOCK_SIZE
                "ffff"); // unknown
    }

    @Test
    void headerTakesItsLengthAsUnsigned() throws ProtocolViolation {
        assertThat(OptionHeader.decode(header())).isEqualTo(new OptionHeader(GO, 0xffff_ffffL));
    }

    @Test
    void headerWhenMagicIsWrongThrows() {
        ByteBuffer bytes = header().put(0, (byte) 0x50);
        assertThatExceptionOfType(ProtocolViolation.class).isThrownBy(() -> OptionHeader.decode(bytes));
    }

    @Test
    void headerWhenCutOffAnywhereThrows() {
        for (int length = 0; length < OptionHeader.BYTES; length++) {
            ByteBuffer bytes = header().limit(length);
            assertThatExceptionOfType(ProtocolViolation.class).isThrownBy(() -> OptionHeader.decode(bytes));
        }
    }

    @Test
    void clientFlagsAreKnownOrTheEnd() throws ProtocolViolation {
        assertThat(ClientFlags.decode(Hex.bytes("00000003")).has(HandshakeFlag.NO_ZEROES))
                .isTrue();
        assertThat(ClientFlags.decode(Hex.bytes("00000001")).has(HandshakeFlag.NO_ZEROES))
                .isFalse();
        for (String flags : new String[] {"00000004", "80000001", "0000", ""}) {
            assertThatExceptionOfType(ProtocolViolation.class).isThrownBy(() -> ClientFlags.decode(Hex.bytes(flags)));
        }
    }

    @Test
    void decodeGo() {
        assertThat(OptionRequest.decode(GO, query()))
                .isEqualTo(new OptionRequest.Go(new ExportQuery("root", Set.of(3, 0xffff))));
    }

    @Test
    void decodeInfo() {
        assertThat(OptionRequest.decode(6, query()))
                .isEqualTo(new OptionRequest.Info(new ExportQuery("root", Set.of(3, 0xffff))));
    }

    @Test
    void decodeWhenCutOffAnywhereIsMalformed() {
        for (int length = 0; length < query().capacity(); length++) {
            assertThat(OptionRequest.decode(GO, query().limit(length)))
                    .as("cut off after %d bytes", length)
                    .isInstanceOf(OptionRequest.Malformed.class);
        }
    }

    @Test
    void decodeWhenSomethingFollowsIsMalformed() {
        ByteBuffer bytes = ByteBuffer.allocate(15).put(query()).put((byte) 0).flip();
        assertThat(OptionRequest.decode(GO, bytes)).isInstanceOf(OptionRequest.Malformed.class);
    }

    @Test
    void decodeWhenDuplicateRequestsIgnoresThem() {
        ByteBuffer bytes = Hex.bytes("00000000", "0003", "0003", "0003", "0001");
        assertThat(OptionRequest.decode(GO, bytes)).isEqualTo(new OptionRequest.Go(new ExportQuery("", Set.of(1, 3))));
    }

    @Test
    void decodeNameLengths() {
        assertThat(OptionRequest.decode(GO, queryWithName(4096, 4096))).isInstanceOf(OptionRequest.Go.class);
        assertThat(OptionRequest.decode(GO, queryWithName(4097, 4097))).isInstanceOf(OptionRequest.Malformed.class);
        assertThat(OptionRequest.decode(GO, queryWithName(5, 4))).isInstanceOf(OptionRequest.Malformed.class);
        assertThat(OptionRequest.decode(GO, queryWithName(3, 4))).isInstanceOf(OptionRequest.Malformed.class);
        assertThat(OptionRequest.decode(GO, queryWithName(0xffff_ffff, 4))).isInstanceOf(OptionRequest.Malformed.class);
        assertThat(OptionRequest.decode(GO, queryWithName(0x7fff_ffff, 4))).isInstanceOf(OptionRequest.Malformed.class);
    }

    private static ByteBuffer queryWithName(int said, int sent) {
        return ByteBuffer.allocate(6 + sent)
                .putInt(said)
                .put("n".repeat(sent).getBytes(java.nio.charset.StandardCharsets.US_ASCII))
                .putShort((short) 0)
                .flip();
    }

    @Test
    void decodeWhenNameIsNoTextIsMalformed() {
        assertThat(OptionRequest.decode(1, Hex.bytes("ff"))).isInstanceOf(OptionRequest.Malformed.class);
        assertThat(OptionRequest.decode(1, Hex.bytes("7200"))).isInstanceOf(OptionRequest.Malformed.class);
        assertThat(OptionRequest.decode(1, Hex.bytes("c3bc"))).isEqualTo(new OptionRequest.ExportName("ü"));
        assertThat(OptionRequest.decode(1, Hex.bytes(""))).isEqualTo(new OptionRequest.ExportName(""));
    }

    @Test
    void decodeAbortIgnoresItsDataAndListRefusesIt() {
        assertThat(OptionRequest.decode(2, Hex.bytes("00"))).isEqualTo(new OptionRequest.Abort());
        assertThat(OptionRequest.decode(3, Hex.bytes(""))).isEqualTo(new OptionRequest.List());
        assertThat(OptionRequest.decode(3, Hex.bytes("00"))).isInstanceOf(OptionRequest.Malformed.class);
    }

    @Test
    void decodeOptionsThatHaveNoData() {
        OptionRequest[] expected = {
            new OptionRequest.List(),
            new OptionRequest.StartTls(),
            new OptionRequest.StructuredReply(),
            new OptionRequest.ExtendedHeaders()
        };
        int[] codes = {3, 5, 8, 11};
        for (int i = 0; i < codes.length; i++) {
            assertThat(OptionRequest.decode(codes[i], Hex.bytes(""))).isEqualTo(expected[i]);
            assertThat(OptionRequest.decode(codes[i], Hex.bytes("00"))).isInstanceOf(OptionRequest.Malformed.class);
            assertThat(OptionRequest.skipped(codes[i], 9000)).isInstanceOf(OptionRequest.Malformed.class);
        }
    }

    @Test
    void whatIsSkippedIsTooLongWhereItsDataMatters() {
        for (NbdOption option : new NbdOption[] {
            NbdOption.EXPORT_NAME, NbdOption.INFO, NbdOption.GO, NbdOption.LIST_META_CONTEXT, NbdOption.SET_META_CONTEXT
        }) {
            assertThat(OptionRequest.skipped(option.code(), 9000)).isEqualTo(new OptionRequest.TooLong(option, 9000));
        }
        assertThat(OptionRequest.skipped(2, 9000)).isEqualTo(new OptionRequest.Abort());
        assertThat(OptionRequest.skipped(12, 9000)).isEqualTo(new OptionRequest.Unknown(12, 9000));
    }

    private static ByteBuffer metaContexts() {
        return Hex.bytes(
                "00000004", // name length
                "726f6f74", // root
                "00000002", // queries
                "0000000f", // length
                "626173653a616c6c6f636174696f6e", // base:allocation
                "00000003", // length
                "783a79"); // x:y
    }

    @Test
    void decodeMetaContexts() {
        MetaContextQuery query = new MetaContextQuery("root", java.util.List.of("base:allocation", "x:y"));
        assertThat(OptionRequest.decode(9, metaContexts())).isEqualTo(new OptionRequest.ListMetaContext(query));
        assertThat(OptionRequest.decode(10, metaContexts())).isEqualTo(new OptionRequest.SetMetaContext(query));
        assertThat(OptionRequest.decode(10, Hex.bytes("00000000", "00000000")))
                .isEqualTo(new OptionRequest.SetMetaContext(new MetaContextQuery("", java.util.List.of())));
    }

    @Test
    void decodeMetaContextsWhenCutOffAnywhereIsMalformed() {
        for (int length = 0; length < metaContexts().capacity(); length++) {
            assertThat(OptionRequest.decode(10, metaContexts().limit(length)))
                    .as("cut off after %d bytes", length)
                    .isInstanceOf(OptionRequest.Malformed.class);
        }
    }

    @Test
    void decodeMetaContextsWhenALengthIsWrongIsMalformed() {
        for (int at : new int[] {0, 8, 12, 31}) {
            int right = metaContexts().getInt(at);
            for (int wrong : new int[] {right - 1, right + 1, Integer.MAX_VALUE, -1}) {
                assertThat(OptionRequest.decode(9, metaContexts().putInt(at, wrong)))
                        .as("%d at %d", wrong, at)
                        .isInstanceOf(OptionRequest.Malformed.class);
            }
        }
    }

    @Test
    void decodeMetaContextsLengthOfAQuery() {
        assertThat(OptionRequest.decode(9, query(4096))).isInstanceOf(OptionRequest.ListMetaContext.class);
        assertThat(OptionRequest.decode(9, query(4097))).isInstanceOf(OptionRequest.Malformed.class);
    }

    private static ByteBuffer query(int length) {
        return ByteBuffer.allocate(12 + length)
                .putInt(0)
                .putInt(1)
                .putInt(length)
                .put("q".repeat(length).getBytes(java.nio.charset.StandardCharsets.US_ASCII))
                .flip();
    }

    @Test
    void contextsAreListedByTheirNamespaceAndSelectedByTheirNames() {
        Set<MetaContext> allocation = Set.of(MetaContext.BASE_ALLOCATION);
        assertThat(MetaContext.listedBy(java.util.List.of())).isEqualTo(allocation);
        assertThat(MetaContext.listedBy(java.util.List.of("base:"))).isEqualTo(allocation);
        assertThat(MetaContext.listedBy(java.util.List.of("x:y", "base:allocation", "base:")))
                .isEqualTo(allocation);
        assertThat(MetaContext.listedBy(java.util.List.of("x:", "base:other", "base", "")))
                .isEmpty();
        assertThat(MetaContext.selectedBy(java.util.List.of("base:allocation", "base:allocation")))
                .isEqualTo(allocation);
        assertThat(MetaContext.selectedBy(java.util.List.of())).isEmpty();
        assertThat(MetaContext.selectedBy(java.util.List.of("base:", "base:other", "qemu:allocation-depth")))
                .isEmpty();
    }

    @Test
    void decodeWhenOptionIsUnknownIsAValue() {
        for (int option : new int[] {0, 4, 12, 13, -1}) {
            assertThat(OptionRequest.decode(option, Hex.bytes("0000"))).isEqualTo(new OptionRequest.Unknown(option, 2));
        }
    }
}
