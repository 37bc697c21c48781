package org.stiefelsystem.nbd.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;
import org.stiefelsystem.nbd.Hex;

class RequestTests {

    private static ByteBuffer write() {
        return Hex.bytes(
                "25609513", // magic
                "0001", // flags: FUA
                "0001", // type: WRITE
                "1122334455667788", // cookie
                "0000000100000000", // offset: 4 GiB
                "00001000"); // length: 4096
    }

    @Test
    void decodeReadsEveryField() throws ProtocolViolation {
        Request request = Request.decode(write());
        assertThat(request).isEqualTo(new Request(1, 1, 0x1122334455667788L, 1L << 32, 4096, true));
        assertThat(request.command()).isEqualTo(Command.WRITE);
        assertThat(request.has(CommandFlag.FUA)).isTrue();
        assertThat(request.has(CommandFlag.NO_HOLE)).isFalse();
    }

    @Test
    void decodeTakesNumbersAsUnsigned() throws ProtocolViolation {
        Request request = Request.decode(Hex.bytes(
                "25609513", // magic
                "ffff", // flags
                "ffff", // type
                "ffffffffffffffff", // cookie
                "ffffffffffffffff", // offset: 2^64-1
                "ffffffff")); // length: 2^32-1
        assertThat(request).isEqualTo(new Request(0xffff, 0xffff, -1, -1, 0xffff_ffffL, false));
        assertThat(request.command()).isEqualTo(Command.UNKNOWN);
    }

    @Test
    void decodeKnowsEveryCommand() throws ProtocolViolation {
        Command[] expected = {
            Command.READ,
            Command.WRITE,
            Command.DISC,
            Command.FLUSH,
            Command.TRIM,
            Command.CACHE,
            Command.WRITE_ZEROES,
            Command.BLOCK_STATUS,
            Command.RESIZE,
            Command.UNKNOWN
        };
        for (int type = 0; type < expected.length; type++) {
            ByteBuffer bytes = write().putShort(6, (short) type);
            assertThat(Request.decode(bytes).command()).isEqualTo(expected[type]);
        }
    }

    @Test
    void decodeWhenMagicIsWrongThrows() {
        ByteBuffer bytes = write().put(3, (byte) 0x14);
        assertThatExceptionOfType(ProtocolViolation.class)
                .isThrownBy(() -> Request.decode(bytes))
                .withMessageContaining("0x25609514");
    }

    @Test
    void decodeWhenCutOffAnywhereThrows() {
        for (int length = 0; length < Request.BYTES; length++) {
            ByteBuffer bytes = write().limit(length);
            assertThatExceptionOfType(ProtocolViolation.class).isThrownBy(() -> Request.decode(bytes));
        }
    }

    private static ByteBuffer extendedWrite() {
        return Hex.bytes(
                "21e41c71", // magic
                "0021", // flags: FUA, PAYLOAD_LEN
                "0001", // type: WRITE
                "1122334455667788", // cookie
                "0000000100000000", // offset: 4 GiB
                "0000000000001000"); // length: 4096
    }

    @Test
    void decodeExtendedReadsEveryField() throws ProtocolViolation {
        Request request = Request.decodeExtended(extendedWrite());
        assertThat(request).isEqualTo(new Request(0x21, 1, 0x1122334455667788L, 1L << 32, 4096, true));
        assertThat(request.has(CommandFlag.PAYLOAD_LEN)).isTrue();
    }

    @Test
    void decodeExtendedHasAPayloadWhereItSaysSo() throws ProtocolViolation {
        assertThat(Request.decodeExtended(extendedWrite().putShort(4, (short) 1))
                        .hasPayload())
                .isFalse();
        for (int type = 0; type < 9; type++) {
            Request request = Request.decodeExtended(extendedWrite().putShort(6, (short) type));
            assertThat(request.hasPayload()).isTrue();
            assertThat(Request.decode(write().putShort(6, (short) type)).hasPayload())
                    .isEqualTo(type == 1);
        }
    }

    @Test
    void decodeExtendedTakesLengthsOf64Bits() throws ProtocolViolation {
        Request request = Request.decodeExtended(Hex.bytes(
                "21e41c71", // magic
                "0000", // flags
                "0004", // type: TRIM
                "0000000000000000", // cookie
                "0000000000000000", // offset
                "ffffffffffffffff")); // length: 2^64-1
        assertThat(request.length()).isEqualTo(-1);
        assertThat(Request.decodeExtended(extendedWrite().putLong(24, 0xffff_ffffL))
                        .length())
                .isEqualTo(0xffff_ffffL);
    }

    @Test
    void decodeExtendedWhenMagicIsThatOfACompactRequestThrows() {
        assertThatExceptionOfType(ProtocolViolation.class)
                .isThrownBy(() -> Request.decodeExtended(extendedWrite().putInt(0, 0x25609513)));
        assertThatExceptionOfType(ProtocolViolation.class)
                .isThrownBy(() -> Request.decode(write().putInt(0, 0x21e41c71)));
    }

    @Test
    void decodeExtendedWhenCutOffAnywhereThrows() {
        for (int length = 0; length < Request.EXTENDED_BYTES; length++) {
            ByteBuffer bytes = extendedWrite().limit(length);
            assertThatExceptionOfType(ProtocolViolation.class).isThrownBy(() -> Request.decodeExtended(bytes));
        }
    }

    @Test
    void theStyleDecidesTheHeader() throws ProtocolViolation {
        assertThat(HeaderStyle.SIMPLE.decodeRequest(write())).isEqualTo(Request.decode(write()));
        assertThat(HeaderStyle.STRUCTURED.decodeRequest(write())).isEqualTo(Request.decode(write()));
        assertThat(HeaderStyle.EXTENDED.decodeRequest(extendedWrite()))
                .isEqualTo(Request.decodeExtended(extendedWrite()));
    }

    private static ByteBuffer selection() {
        return Hex.bytes(
                "0000000100000000", // length: 4 GiB
                "00000001", // context 1
                "ffffffff"); // context 2^32-1
    }

    @Test
    void blockStatusPayload() throws ProtocolViolation {
        assertThat(BlockStatusPayload.decode(selection()))
                .isEqualTo(new BlockStatusPayload(1L << 32, java.util.List.of(1, -1)));
        assertThat(BlockStatusPayload.bytes(2)).isEqualTo(16);
    }

    @Test
    void blockStatusPayloadWhenNotOfWholeContextsThrows() throws ProtocolViolation {
        for (int length = 0; length < 16; length++) {
            ByteBuffer bytes = selection().limit(length);
            if (length == 8 || length == 12) {
                assertThat(BlockStatusPayload.decode(bytes).contextIds()).hasSize((length - 8) / 4);
            } else {
                assertThatExceptionOfType(ProtocolViolation.class).isThrownBy(() -> BlockStatusPayload.decode(bytes));
            }
        }
    }

    @Test
    void errorsHaveTheNumbersOfTheProtocol() {
        assertThat(new int[] {
                    NbdError.NONE.code(),
                    NbdError.EPERM.code(),
                    NbdError.EIO.code(),
                    NbdError.ENOMEM.code(),
                    NbdError.EINVAL.code(),
                    NbdError.ENOSPC.code(),
                    NbdError.EOVERFLOW.code(),
                    NbdError.ENOTSUP.code()
                })
                .containsExactly(0, 1, 5, 12, 22, 28, 75, 95);
    }
}
