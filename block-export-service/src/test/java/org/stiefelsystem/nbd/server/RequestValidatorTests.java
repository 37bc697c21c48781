package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.stiefelsystem.nbd.protocol.NbdError;
import org.stiefelsystem.nbd.protocol.Request;

class RequestValidatorTests {

    private static final int READ = 0;
    private static final int WRITE = 1;
    private static final int DISC = 2;
    private static final int FLUSH = 3;
    private static final int TRIM = 4;
    private static final int WRITE_ZEROES = 6;
    private static final int FUA = 1;
    private static final int NO_HOLE = 2;
    private static final long SIZE = 100 << 20;
    private static final int MAX = 32 << 20;

    private final RequestValidator writable = new RequestValidator(SIZE, false, MAX);
    private final RequestValidator readOnly = new RequestValidator(SIZE, true, MAX);

    private static Request request(int flags, int type, long offset, long length) {
        return new Request(flags, type, 0, offset, length);
    }

    private Optional<NbdError> writable(int flags, int type, long offset, long length) {
        return writable.validate(request(flags, type, offset, length));
    }

    @Test
    void rangesEndAtTheSize() {
        for (int type : new int[] {READ, WRITE, TRIM, WRITE_ZEROES}) {
            NbdError beyond = type == WRITE || type == WRITE_ZEROES ? NbdError.ENOSPC : NbdError.EINVAL;
            assertThat(writable(0, type, SIZE - 1, 1)).isEmpty();
            assertThat(writable(0, type, SIZE, 0)).isEmpty();
            assertThat(writable(0, type, SIZE, 1)).contains(beyond);
            assertThat(writable(0, type, SIZE - 1, 2)).contains(beyond);
            assertThat(writable(0, type, -1, 1)).contains(beyond);
            assertThat(writable(0, type, Long.MAX_VALUE, 1)).contains(beyond);
            assertThat(writable(0, type, Long.MIN_VALUE, 0)).contains(beyond);
        }
    }

    @Test
    void payloadsHaveALimit() {
        assertThat(writable(0, READ, 0, MAX)).isEmpty();
        assertThat(writable(0, READ, 0, MAX + 1)).contains(NbdError.EINVAL);
        assertThat(writable(0, READ, 0, 0xffff_ffffL)).contains(NbdError.EINVAL);
        assertThat(writable(0, WRITE, 0, MAX)).isEmpty();
        assertThat(writable(0, WRITE, 0, MAX + 1)).contains(NbdError.EINVAL);
        assertThat(writable(0, WRITE, 0, 0xffff_ffffL)).contains(NbdError.EINVAL);
    }

    @Test
    void trimsAndZeroesHaveNone() {
        RequestValidator large = new RequestValidator(1L << 40, false, MAX);
        assertThat(large.validate(request(0, TRIM, 0, 0xffff_ffffL))).isEmpty();
        assertThat(large.validate(request(0, WRITE_ZEROES, 1L << 39, 0xffff_ffffL)))
                .isEmpty();
    }

    @Test
    void readOnlyExportsAreNotChanged() {
        assertThat(readOnly.validate(request(0, READ, 0, 1))).isEmpty();
        assertThat(readOnly.validate(request(0, FLUSH, 0, 0))).isEmpty();
        assertThat(readOnly.validate(request(0, WRITE, 0, 1))).contains(NbdError.EPERM);
        assertThat(readOnly.validate(request(0, TRIM, 0, 1))).contains(NbdError.EPERM);
        assertThat(readOnly.validate(request(0, WRITE_ZEROES, 0, 1))).contains(NbdError.EPERM);
        assertThat(readOnly.validate(request(0, WRITE, SIZE, 1))).contains(NbdError.EPERM);
    }

    @Test
    void fuaIsAcceptedOnEveryCommand() {
        for (int type : new int[] {READ, WRITE, FLUSH, TRIM, WRITE_ZEROES, DISC}) {
            assertThat(writable(FUA, type, 0, 0)).isEmpty();
        }
    }

    @Test
    void noHoleBelongsToWriteZeroes() {
        assertThat(writable(NO_HOLE, WRITE_ZEROES, 0, 1)).isEmpty();
        assertThat(writable(NO_HOLE | FUA, WRITE_ZEROES, 0, 1)).isEmpty();
        for (int type : new int[] {READ, WRITE, FLUSH, TRIM}) {
            assertThat(writable(NO_HOLE, type, 0, 0)).contains(NbdError.EINVAL);
        }
    }

    @Test
    void unknownFlagsAreRefused() {
        for (int bit = 2; bit < 16; bit++) {
            for (int type : new int[] {READ, WRITE, FLUSH, TRIM, WRITE_ZEROES}) {
                assertThat(writable(1 << bit, type, 0, 0)).contains(NbdError.EINVAL);
            }
        }
    }

    @Test
    void flushHasNoRange() {
        assertThat(writable(0, FLUSH, 0, 1)).contains(NbdError.EINVAL);
        assertThat(writable(0, FLUSH, 1, 0)).contains(NbdError.EINVAL);
    }

    @Test
    void unknownCommandsAreRefused() {
        for (int type : new int[] {5, 7, 8, 9, 0xffff}) {
            assertThat(writable(0, type, 0, 0)).contains(NbdError.EINVAL);
        }
    }
}
