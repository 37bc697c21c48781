package org.stiefelsystem.nbd.server;

import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.stiefelsystem.nbd.protocol.BlockStatusPayload;
import org.stiefelsystem.nbd.protocol.Command;
import org.stiefelsystem.nbd.protocol.CommandFlag;
import org.stiefelsystem.nbd.protocol.HeaderStyle;
import org.stiefelsystem.nbd.protocol.MetaContext;
import org.stiefelsystem.nbd.protocol.NbdError;
import org.stiefelsystem.nbd.protocol.Request;

/** Every check of a request, in one place, before an export sees it (proto.md, "Request types", "Error values"). */
final class RequestValidator {

    private final long size;
    private final boolean readOnly;
    private final int minimumBlock;
    private final boolean keepsToBlocks;
    private final int maxPayload;
    private final HeaderStyle style;
    private final Set<Integer> contextIds;

    RequestValidator(Negotiated negotiated, int maxPayload) {
        this(
                negotiated.export().size(),
                negotiated.export().readOnly(),
                negotiated.export().blockSizes().minimum(),
                negotiated.keepsToBlocks(),
                maxPayload,
                negotiated.style(),
                negotiated.contexts());
    }

    RequestValidator(
            long size,
            boolean readOnly,
            int minimumBlock,
            boolean keepsToBlocks,
            int maxPayload,
            HeaderStyle style,
            Set<MetaContext> contexts) {
        this.size = size;
        this.readOnly = readOnly;
        this.minimumBlock = minimumBlock;
        this.keepsToBlocks = keepsToBlocks;
        this.maxPayload = maxPayload;
        this.style = style;
        this.contextIds = contexts.stream().map(MetaContext::id).collect(Collectors.toSet());
    }

    /** Why the request is refused; empty when it may be done. */
    Optional<NbdError> validate(Request request) {
        Command command = request.command();
        if ((request.flags() & ~allowedFlags(command)) != 0) {
            return Optional.of(NbdError.EINVAL);
        }
        return switch (command) {
            case READ -> validateRead(request);
            case WRITE -> validateWrite(request);
            case WRITE_ZEROES -> validateChange(request, NbdError.ENOSPC);
            case TRIM -> validateChange(request, NbdError.EINVAL);
            case CACHE -> validateRange(request, NbdError.EINVAL);
            case FLUSH -> unless(request.offset() == 0 && request.length() == 0, NbdError.EINVAL);
            case BLOCK_STATUS ->
                request.hasPayload()
                        ? unless(isLengthOfSelection(request.length()), NbdError.EINVAL)
                        : validateStatus(request.offset(), request.length());
            case DISC -> Optional.empty();
            case RESIZE -> Optional.of(NbdError.EPERM);
            case UNKNOWN -> Optional.of(NbdError.EINVAL);
        };
    }

    private Optional<NbdError> validateRead(Request request) {
        if (!inRange(request.offset(), request.length())) {
            return Optional.of(NbdError.EINVAL);
        }
        if (!keepsToBlocks(request)) {
            return Optional.of(NbdError.EINVAL);
        }
        // Chunks could carry it in pieces, so that not the request is wrong but its size.
        return unless(request.length() <= maxPayload, style.hasChunks() ? NbdError.EOVERFLOW : NbdError.EINVAL);
    }

    private Optional<NbdError> validateWrite(Request request) {
        if (!request.hasPayload()) {
            return Optional.of(NbdError.EINVAL);
        }
        if (readOnly) {
            return Optional.of(NbdError.EPERM);
        }
        if (request.length() < 0 || request.length() > maxPayload) {
            return Optional.of(NbdError.EINVAL);
        }
        return validateRange(request, NbdError.ENOSPC);
    }

    private Optional<NbdError> validateChange(Request request, NbdError beyondTheEnd) {
        if (readOnly) {
            return Optional.of(NbdError.EPERM);
        }
        return validateRange(request, beyondTheEnd);
    }

    private Optional<NbdError> validateRange(Request request, NbdError beyondTheEnd) {
        if (!inRange(request.offset(), request.length())) {
            return Optional.of(beyondTheEnd);
        }
        return unless(keepsToBlocks(request), NbdError.EINVAL);
    }

    /** Only who has asked for the block sizes must (proto.md, "Size constraints"); a disk can do the others, too. */
    private boolean keepsToBlocks(Request request) {
        return !keepsToBlocks || isWholeBlocks(request.offset(), request.length());
    }

    private boolean isWholeBlocks(long offset, long length) {
        return offset % minimumBlock == 0 && length % minimumBlock == 0;
    }

    /** What a BLOCK_STATUS asks for in its payload. */
    Optional<NbdError> validate(Request request, BlockStatusPayload payload) {
        List<Integer> ids = payload.contextIds();
        if (!contextIds.containsAll(ids) || new HashSet<>(ids).size() != ids.size()) {
            return Optional.of(NbdError.EINVAL);
        }
        return validateStatus(request.offset(), payload.length());
    }

    /** Extents that are no whole blocks cannot be told, so that here a range must always keep to the smallest block. */
    private Optional<NbdError> validateStatus(long offset, long length) {
        return unless(
                !contextIds.isEmpty() && length != 0 && isWholeBlocks(offset, length) && inRange(offset, length),
                NbdError.EINVAL);
    }

    /** Of one to all of the contexts: more cannot be without one twice. */
    private boolean isLengthOfSelection(long length) {
        return length >= BlockStatusPayload.bytes(1)
                && length <= BlockStatusPayload.bytes(contextIds.size())
                && (length - BlockStatusPayload.bytes(0)) % Integer.BYTES == 0;
    }

    /** FUA is accepted on every command once it is offered; DISC has no reply that could refuse a flag. */
    private int allowedFlags(Command command) {
        int fua = CommandFlag.FUA.mask();
        return switch (command) {
            case READ -> style.hasChunks() ? fua | CommandFlag.DF.mask() : fua;
            case WRITE -> style == HeaderStyle.EXTENDED ? fua | CommandFlag.PAYLOAD_LEN.mask() : fua;
            case WRITE_ZEROES -> fua | CommandFlag.NO_HOLE.mask() | CommandFlag.FAST_ZERO.mask();
            case BLOCK_STATUS ->
                style == HeaderStyle.EXTENDED
                        ? fua | CommandFlag.REQ_ONE.mask() | CommandFlag.PAYLOAD_LEN.mask()
                        : fua | CommandFlag.REQ_ONE.mask();
            case DISC -> 0xffff;
            case FLUSH, TRIM, CACHE, RESIZE, UNKNOWN -> fua;
        };
    }

    private boolean inRange(long offset, long length) {
        return offset >= 0 && length >= 0 && length <= size && offset <= size - length;
    }

    private static Optional<NbdError> unless(boolean right, NbdError error) {
        return right ? Optional.empty() : Optional.of(error);
    }
}
