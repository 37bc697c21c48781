package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigInteger;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.stiefelsystem.nbd.protocol.Command;
import org.stiefelsystem.nbd.protocol.HeaderStyle;
import org.stiefelsystem.nbd.protocol.MetaContext;
import org.stiefelsystem.nbd.protocol.NbdError;
import org.stiefelsystem.nbd.protocol.Request;

/** Whatever is asked, what reaches an export lies inside it. */
class RequestValidatorPropertyTests {

    private static final int MAX = 1 << 20;
    private static final int WRITE = 1;

    /** Numbers around the limits, and any others. */
    @Provide
    Arbitrary<Long> numbers() {
        return Arbitraries.oneOf(
                Arbitraries.longs(),
                Arbitraries.longs().between(0, 3L * MAX),
                Arbitraries.of(
                        0L,
                        1L,
                        (long) MAX,
                        MAX + 1L,
                        0xffff_ffffL,
                        1L << 32,
                        Long.MAX_VALUE,
                        Long.MAX_VALUE - 1,
                        Long.MIN_VALUE,
                        -1L));
    }

    private static RequestValidator validator(long size, boolean readOnly, HeaderStyle style) {
        Set<MetaContext> contexts =
                style.hasChunks() ? EnumSet.allOf(MetaContext.class) : EnumSet.noneOf(MetaContext.class);
        return new RequestValidator(size, readOnly, 1, false, MAX, style, contexts);
    }

    private static Request request(HeaderStyle style, int flags, int type, long offset, long length) {
        boolean payload = style == HeaderStyle.EXTENDED ? (flags & 32) != 0 : type == WRITE;
        return new Request(flags, type, 0, offset, length, payload);
    }

    @Property
    void whatPassesLiesInTheExport(
            @ForAll @LongRange(min = 0, max = Long.MAX_VALUE) long size,
            @ForAll HeaderStyle style,
            @ForAll boolean readOnly,
            @ForAll @IntRange(min = 0, max = 63) int flags,
            @ForAll @IntRange(min = 0, max = 9) int type,
            @ForAll("numbers") long offset,
            @ForAll("numbers") long length) {
        Request request = request(style, flags, type, offset, length);
        Optional<NbdError> refused = validator(size, readOnly, style).validate(request);
        Command command = request.command();
        if (refused.isPresent() || command == Command.DISC) {
            return;
        }
        assertThat(command).isNotIn(Command.UNKNOWN, Command.RESIZE);
        if (command == Command.BLOCK_STATUS && request.hasPayload()) {
            assertThat(length).isEqualTo(12);
            return;
        }
        // Without the limits of long: what the protocol means.
        BigInteger end =
                new BigInteger(Long.toUnsignedString(offset)).add(new BigInteger(Long.toUnsignedString(length)));
        assertThat(end).isLessThanOrEqualTo(BigInteger.valueOf(size));
        if (command == Command.READ || command == Command.WRITE) {
            assertThat(length).isBetween(0L, (long) MAX);
        }
        if (readOnly) {
            assertThat(command).isIn(Command.READ, Command.FLUSH, Command.CACHE, Command.BLOCK_STATUS);
        }
        assertThat(request.hasPayload()).isEqualTo(command == Command.WRITE);
    }

    @Property
    void whatIsRightPasses(
            @ForAll HeaderStyle style,
            @ForAll @LongRange(min = 0, max = 1L << 50) long offset,
            @ForAll @LongRange(min = 1, max = MAX) long length,
            @ForAll @IntRange(min = 0, max = 1) int fua) {
        RequestValidator validator = validator(1L << 51, false, style);
        for (int type : new int[] {0, 1, 4, 5, 6}) {
            int flags = style == HeaderStyle.EXTENDED && type == WRITE ? fua | 32 : fua;
            assertThat(validator.validate(request(style, flags, type, offset, length)))
                    .isEmpty();
        }
    }

    /** The errors are those that the protocol names for the command. */
    @Property
    void errorsAreThoseOfTheProtocol(
            @ForAll HeaderStyle style,
            @ForAll boolean readOnly,
            @ForAll @IntRange(min = 0, max = 0xffff) int flags,
            @ForAll @IntRange(min = 0, max = 9) int type,
            @ForAll("numbers") long offset,
            @ForAll("numbers") long length) {
        Request request = request(style, flags, type, offset, length);
        Set<NbdError> allowed = switch (request.command()) {
            case READ -> EnumSet.of(NbdError.EINVAL, NbdError.EOVERFLOW);
            case WRITE, WRITE_ZEROES -> EnumSet.of(NbdError.EINVAL, NbdError.EPERM, NbdError.ENOSPC);
            case TRIM, RESIZE -> EnumSet.of(NbdError.EINVAL, NbdError.EPERM);
            case CACHE, FLUSH, BLOCK_STATUS, UNKNOWN -> EnumSet.of(NbdError.EINVAL);
            case DISC -> EnumSet.noneOf(NbdError.class);
        };
        validator(1L << 30, readOnly, style)
                .validate(request)
                .ifPresent(error -> assertThat(allowed).contains(error));
    }
}
