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
    void decodeWhenOptionIsUnknownIsAValue() {
        for (int option : new int[] {0, 4, 5, 8, 9, 10, 11, 12, -1}) {
            assertThat(OptionRequest.decode(option, Hex.bytes("0000"))).isEqualTo(new OptionRequest.Unknown(option, 2));
        }
    }
}
