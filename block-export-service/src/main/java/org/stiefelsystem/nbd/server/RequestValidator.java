package org.stiefelsystem.nbd.server;

import java.util.Optional;
import org.stiefelsystem.nbd.protocol.Command;
import org.stiefelsystem.nbd.protocol.CommandFlag;
import org.stiefelsystem.nbd.protocol.NbdError;
import org.stiefelsystem.nbd.protocol.Request;

/** Every check of a request, in one place, before an export sees it (proto.md, "Error values"). */
final class RequestValidator {

    private final long size;
    private final boolean readOnly;
    private final int maxPayload;

    RequestValidator(long size, boolean readOnly, int maxPayload) {
        this.size = size;
        this.readOnly = readOnly;
        this.maxPayload = maxPayload;
    }

    /** Why the request is refused; empty when it may be done. */
    Optional<NbdError> validate(Request request) {
        Command command = request.command();
        if ((request.flags() & ~allowedFlags(command)) != 0) {
            return Optional.of(NbdError.EINVAL);
        }
        return switch (command) {
            case READ ->
                request.length() <= maxPayload && inRange(request) ? Optional.empty() : Optional.of(NbdError.EINVAL);
            case WRITE -> {
                if (readOnly) {
                    yield Optional.of(NbdError.EPERM);
                }
                if (request.length() > maxPayload) {
                    yield Optional.of(NbdError.EINVAL);
                }
                yield inRange(request) ? Optional.empty() : Optional.of(NbdError.ENOSPC);
            }
            case WRITE_ZEROES -> {
                if (readOnly) {
                    yield Optional.of(NbdError.EPERM);
                }
                yield inRange(request) ? Optional.empty() : Optional.of(NbdError.ENOSPC);
            }
            case TRIM -> {
                if (readOnly) {
                    yield Optional.of(NbdError.EPERM);
                }
                yield inRange(request) ? Optional.empty() : Optional.of(NbdError.EINVAL);
            }
            case FLUSH ->
                request.offset() == 0 && request.length() == 0 ? Optional.empty() : Optional.of(NbdError.EINVAL);
            case DISC -> Optional.empty();
            case UNKNOWN -> Optional.of(NbdError.EINVAL);
        };
    }

    /** FUA is accepted on every command once it is offered; DISC has no reply that could refuse a flag. */
    private static int allowedFlags(Command command) {
        return switch (command) {
            case WRITE_ZEROES -> CommandFlag.FUA.mask() | CommandFlag.NO_HOLE.mask();
            case DISC -> 0xffff;
            case READ, WRITE, FLUSH, TRIM, UNKNOWN -> CommandFlag.FUA.mask();
        };
    }

    private boolean inRange(Request request) {
        return request.offset() >= 0 && request.length() <= size && request.offset() <= size - request.length();
    }
}
