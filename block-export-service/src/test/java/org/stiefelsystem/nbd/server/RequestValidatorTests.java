package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.stiefelsystem.nbd.protocol.BlockStatusPayload;
import org.stiefelsystem.nbd.protocol.HeaderStyle;
import org.stiefelsystem.nbd.protocol.MetaContext;
import org.stiefelsystem.nbd.protocol.NbdError;
import org.stiefelsystem.nbd.protocol.Request;

class RequestValidatorTests {

    private static final int READ = 0;
    private static final int WRITE = 1;
    private static final int DISC = 2;
    private static final int FLUSH = 3;
    private static final int TRIM = 4;
    private static final int WRITE_ZEROES = 6;
    private static final int CACHE = 5;
    private static final int BLOCK_STATUS = 7;
    private static final int RESIZE = 8;
    private static final int FUA = 1;
    private static final int NO_HOLE = 2;
    private static final int DF = 4;
    private static final int REQ_ONE = 8;
    private static final int FAST_ZERO = 16;
    private static final int PAYLOAD_LEN = 32;
    private static final Set<MetaContext> ALLOCATION = Set.of(MetaContext.BASE_ALLOCATION);
    private static final long SIZE = 100 << 20;
    private static final int MAX = 32 << 20;

    private final RequestValidator writable = validator(SIZE, false);
    private final RequestValidator readOnly = validator(SIZE, true);

    private static RequestValidator validator(long size, boolean readOnly) {
        return new RequestValidator(size, readOnly, 1, false, MAX, HeaderStyle.SIMPLE, Set.of());
    }

    private static Request request(int flags, int type, long offset, long length) {
        return new Request(flags, type, 0, offset, length, type == WRITE);
    }

    private Optional<NbdError> writable(int flags, int type, long offset, long length) {
        return writable.validate(request(flags, type, offset, length));
    }

    @Test
    void rangesEndAtTheSize() {
        for (int type : new int[] {READ, WRITE, TRIM, WRITE_ZEROES, CACHE}) {
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
        RequestValidator large = validator(1L << 40, false);
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
        for (int type : new int[] {READ, WRITE, FLUSH, TRIM, CACHE, WRITE_ZEROES, DISC}) {
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
            for (int type : new int[] {READ, WRITE, FLUSH, TRIM, CACHE, BLOCK_STATUS, RESIZE}) {
                assertThat(writable(1 << bit, type, 0, 0)).contains(NbdError.EINVAL);
            }
            if (1 << bit != FAST_ZERO) {
                assertThat(writable(1 << bit, WRITE_ZEROES, 0, 0)).contains(NbdError.EINVAL);
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
        for (int type : new int[] {9, 10, 0xffff}) {
            assertThat(writable(0, type, 0, 0)).contains(NbdError.EINVAL);
        }
    }

    @Test
    void resizeIsNotPermitted() {
        assertThat(writable(0, RESIZE, SIZE / 2, 0)).contains(NbdError.EPERM);
        assertThat(writable(NO_HOLE, RESIZE, SIZE / 2, 0)).contains(NbdError.EINVAL);
    }

    private static Optional<NbdError> validate(HeaderStyle style, Set<MetaContext> contexts, Request request) {
        return new RequestValidator(SIZE, false, 1, false, MAX, style, contexts).validate(request);
    }

    @Test
    void dontFragmentBelongsToReadsOfChunks() {
        Request read = request(DF, READ, 0, 1);
        assertThat(validate(HeaderStyle.SIMPLE, Set.of(), read)).contains(NbdError.EINVAL);
        assertThat(validate(HeaderStyle.STRUCTURED, Set.of(), read)).isEmpty();
        assertThat(validate(HeaderStyle.EXTENDED, Set.of(), read)).isEmpty();
    }

    @Test
    void aReadThatIsTooLargeOverflowsWhereChunksCouldCarryIt() {
        Request read = request(0, READ, 0, MAX + 1);
        assertThat(validate(HeaderStyle.SIMPLE, Set.of(), read)).contains(NbdError.EINVAL);
        assertThat(validate(HeaderStyle.STRUCTURED, Set.of(), read)).contains(NbdError.EOVERFLOW);
        assertThat(validate(HeaderStyle.EXTENDED, Set.of(), read)).contains(NbdError.EOVERFLOW);
        assertThat(validate(HeaderStyle.EXTENDED, Set.of(), request(0, READ, 0, SIZE + 1)))
                .contains(NbdError.EINVAL);
    }

    @Test
    void aWriteWithExtendedHeadersSaysThatItHasAPayload() {
        assertThat(validate(HeaderStyle.EXTENDED, Set.of(), new Request(PAYLOAD_LEN, WRITE, 0, 0, 1, true)))
                .isEmpty();
        assertThat(validate(HeaderStyle.EXTENDED, Set.of(), new Request(0, WRITE, 0, 0, 1, false)))
                .contains(NbdError.EINVAL);
        for (int type : new int[] {READ, FLUSH, TRIM, CACHE, WRITE_ZEROES, RESIZE, 9}) {
            assertThat(validate(HeaderStyle.EXTENDED, Set.of(), new Request(PAYLOAD_LEN, type, 0, 0, 0, true)))
                    .contains(NbdError.EINVAL);
        }
    }

    @Test
    void lengthsOf64BitsAreInRangeOrNot() {
        RequestValidator huge =
                new RequestValidator(Long.MAX_VALUE, false, 1, false, MAX, HeaderStyle.EXTENDED, ALLOCATION);
        for (int type : new int[] {TRIM, CACHE, WRITE_ZEROES, BLOCK_STATUS}) {
            NbdError beyond = type == WRITE_ZEROES ? NbdError.ENOSPC : NbdError.EINVAL;
            assertThat(huge.validate(request(0, type, 0, Long.MAX_VALUE))).isEmpty();
            assertThat(huge.validate(request(0, type, 1, Long.MAX_VALUE))).contains(beyond);
            assertThat(huge.validate(request(0, type, 0, Long.MIN_VALUE))).contains(beyond);
            assertThat(huge.validate(request(0, type, 0, -1))).contains(beyond);
        }
    }

    @Test
    void blockStatusNeedsAContextAndARange() {
        assertThat(validate(HeaderStyle.STRUCTURED, ALLOCATION, request(REQ_ONE | FUA, BLOCK_STATUS, 0, SIZE)))
                .isEmpty();
        assertThat(validate(HeaderStyle.STRUCTURED, Set.of(), request(0, BLOCK_STATUS, 0, SIZE)))
                .contains(NbdError.EINVAL);
        assertThat(validate(HeaderStyle.STRUCTURED, ALLOCATION, request(0, BLOCK_STATUS, 0, 0)))
                .contains(NbdError.EINVAL);
        assertThat(validate(HeaderStyle.STRUCTURED, ALLOCATION, request(0, BLOCK_STATUS, 1, SIZE)))
                .contains(NbdError.EINVAL);
        assertThat(validate(HeaderStyle.STRUCTURED, ALLOCATION, request(PAYLOAD_LEN, BLOCK_STATUS, 0, 12)))
                .contains(NbdError.EINVAL);
    }

    @Test
    void blockStatusKeepsToTheSmallestBlockAndOthersNeedNot() {
        RequestValidator device =
                new RequestValidator(SIZE, false, 512, false, MAX, HeaderStyle.STRUCTURED, ALLOCATION);
        assertThat(device.validate(request(0, BLOCK_STATUS, 512, 512))).isEmpty();
        assertThat(device.validate(request(0, BLOCK_STATUS, 511, 512))).contains(NbdError.EINVAL);
        assertThat(device.validate(request(0, BLOCK_STATUS, 512, 513))).contains(NbdError.EINVAL);
        for (int type : new int[] {READ, WRITE, TRIM, CACHE, WRITE_ZEROES}) {
            assertThat(device.validate(request(0, type, 511, 513))).isEmpty();
        }
    }

    @Test
    void whoAskedForTheBlockSizesKeepsToThem() {
        RequestValidator device = new RequestValidator(SIZE, false, 512, true, MAX, HeaderStyle.STRUCTURED, ALLOCATION);
        for (int type : new int[] {READ, WRITE, TRIM, CACHE, WRITE_ZEROES}) {
            assertThat(device.validate(request(0, type, 512, 1024))).isEmpty();
            assertThat(device.validate(request(0, type, 511, 512))).contains(NbdError.EINVAL);
            assertThat(device.validate(request(0, type, 512, 513))).contains(NbdError.EINVAL);
        }
    }

    @Test
    void aSelectionNamesSomeOfTheContextsOnce() {
        RequestValidator extended = new RequestValidator(SIZE, false, 1, false, MAX, HeaderStyle.EXTENDED, ALLOCATION);
        for (long length : new long[] {0, 8, 11, 13, 16, 0xffff_ffffL, -1}) {
            assertThat(extended.validate(new Request(PAYLOAD_LEN, BLOCK_STATUS, 0, 0, length, true)))
                    .contains(NbdError.EINVAL);
        }
        Request request = new Request(PAYLOAD_LEN, BLOCK_STATUS, 0, 10, 12, true);
        assertThat(extended.validate(request)).isEmpty();
        assertThat(extended.validate(request, new BlockStatusPayload(1, List.of(1))))
                .isEmpty();
        assertThat(extended.validate(request, new BlockStatusPayload(1, List.of(2))))
                .contains(NbdError.EINVAL);
        assertThat(extended.validate(request, new BlockStatusPayload(1, List.of(1, 1))))
                .contains(NbdError.EINVAL);
        for (long length : new long[] {0, SIZE, -1, Long.MIN_VALUE}) {
            assertThat(extended.validate(request, new BlockStatusPayload(length, List.of(1))))
                    .contains(NbdError.EINVAL);
        }
    }
}
