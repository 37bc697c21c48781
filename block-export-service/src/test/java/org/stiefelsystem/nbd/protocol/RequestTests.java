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
        assertThat(request).isEqualTo(new Request(1, 1, 0x1122334455667788L, 1L << 32, 4096));
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
        assertThat(request).isEqualTo(new Request(0xffff, 0xffff, -1, -1, 0xffff_ffffL));
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
            Command.UNKNOWN,
            Command.WRITE_ZEROES,
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

    @Test
    void replyEncodesEveryField() {
        assertThat(Hex.written(new Reply(NbdError.ENOSPC, 0x1122334455667788L)::encode))
                .isEqualTo(Hex.bytes(
                        "67446698", // magic
                        "0000001c", // error: ENOSPC
                        "1122334455667788")); // cookie
    }

    @Test
    void errorsHaveTheNumbersOfTheProtocol() {
        assertThat(new int[] {
                    NbdError.NONE.code(),
                    NbdError.EPERM.code(),
                    NbdError.EIO.code(),
                    NbdError.ENOMEM.code(),
                    NbdError.EINVAL.code(),
                    NbdError.ENOSPC.code()
                })
                .containsExactly(0, 1, 5, 12, 22, 28);
    }
}
