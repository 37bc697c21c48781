package org.stiefelsystem.nbd.server;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.linux.Errno;
import org.stiefelsystem.nbd.linux.LinuxFile;
import org.stiefelsystem.nbd.linux.SystemCallException;
import org.stiefelsystem.nbd.linux.TcpSocket;
import org.stiefelsystem.nbd.protocol.BlockStatusPayload;
import org.stiefelsystem.nbd.protocol.Command;
import org.stiefelsystem.nbd.protocol.CommandFlag;
import org.stiefelsystem.nbd.protocol.HeaderStyle;
import org.stiefelsystem.nbd.protocol.MetaContext;
import org.stiefelsystem.nbd.protocol.NbdError;
import org.stiefelsystem.nbd.protocol.ProtocolViolation;
import org.stiefelsystem.nbd.protocol.ReplyChunk;
import org.stiefelsystem.nbd.protocol.Request;
import org.stiefelsystem.nbd.protocol.StatusDescriptor;

/**
 * Requests and their replies, one after another: receive as much as there is, do every whole request in it, send all
 * replies together. Before the thread may wait for the peer, every reply is on its way.
 */
final class Transmission {

    /** From this size on sendfile beats reading into memory; so measured. */
    private static final int SENDFILE_BYTES = 128 << 10;

    /** From this size on a READ is worth the question whether it begins in a hole. */
    private static final int HOLE_BYTES = 64 << 10;

    /** The best size of a piece of a large write; so measured. */
    private static final int WRITE_BYTES = 128 << 10;

    private static final int SECTOR_BYTES = 4096;

    /** Of a WRITE_ZEROES before the fence is looked at. */
    private static final long ZERO_BYTES = 64 << 20;

    /** No payload up to this is taken for an attack, whatever was announced (proto.md, "Size constraints"). */
    private static final long HARMLESS_BYTES = 1 << 25;

    private final Export export;
    private final HeaderStyle style;
    private final Set<MetaContext> contexts;
    private final TcpSocket socket;
    private final BufferPool pool;
    private final ByteBuffer received;
    private final ReplyWriter replies;
    private final RequestValidator validator;
    private final NbdLimits limits;
    private final NbdObserver observer;
    private final PeerWarnings failures;
    private final BooleanSupplier stopping;
    private final BooleanSupplier fenced;
    private volatile long inFlightBytes;

    Transmission(
            Negotiated negotiated,
            TcpSocket socket,
            BufferPool pool,
            BufferPool.Buffers buffers,
            NbdLimits limits,
            NbdObserver observer,
            PeerWarnings failures,
            BooleanSupplier stopping,
            BooleanSupplier fenced) {
        this.export = negotiated.export();
        this.style = negotiated.style();
        this.contexts = negotiated.contexts();
        this.socket = socket;
        this.pool = pool;
        this.received = buffers.received();
        this.replies = new ReplyWriter(socket, style, buffers.replies());
        this.validator = new RequestValidator(negotiated, limits.requestBytes());
        this.limits = limits;
        this.observer = observer;
        this.failures = failures;
        this.stopping = stopping;
        this.fenced = fenced;
    }

    /** The payload of the request that is being done now; 0 for small ones, which are done at once. */
    long inFlightBytes() {
        return inFlightBytes;
    }

    /**
     * Returns when the client disconnected, closed between two requests, the connection was fenced, or the server stops.
     *
     * @return whether the client disconnected, with NBD_CMD_DISC
     */
    boolean run() throws IOException {
        received.clear().limit(0);
        while (true) {
            while (received.remaining() >= style.requestBytes()) {
                if (fenced.getAsBoolean()) {
                    // What was received and not begun was not answered, so the client sends it anew: elsewhere.
                    return false;
                }
                Request request = style.decodeRequest(received);
                if (request.command() == Command.DISC) {
                    replies.flush();
                    return true;
                }
                answer(request);
            }
            replies.flush();
            if (stopping.getAsBoolean()) {
                return false;
            }
            received.compact();
            if (!socket.receive(received)) {
                if (received.position() > 0 && !stopping.getAsBoolean() && !fenced.getAsBoolean()) {
                    throw new ProtocolViolation("the connection ended in the middle of a request");
                }
                return false;
            }
            received.flip();
        }
    }

    private void answer(Request request) throws IOException {
        long start = System.nanoTime();
        Command command = request.command();
        Optional<NbdError> refused = validator.validate(request);
        boolean large = request.length() >= SENDFILE_BYTES && (command == Command.READ || command == Command.WRITE);
        if (large) {
            inFlightBytes = Math.min(request.length(), limits.requestBytes());
        }
        NbdError result;
        if (refused.isPresent()) {
            result = refused.get();
            skipPayload(request);
            replies.reply(request, result);
        } else {
            result = perform(request, command);
        }
        if (large) {
            inFlightBytes = 0;
        }
        observer.answered(export, command, result, request.length(), System.nanoTime() - start);
    }

    private NbdError perform(Request request, Command command) throws IOException {
        return switch (command) {
            case READ -> read(request);
            case WRITE -> write(request);
            case FLUSH -> change(request, export::sync);
            case TRIM -> change(request, () -> export.trim(request.offset(), request.length()));
            case CACHE -> cache(request);
            case WRITE_ZEROES -> zero(request);
            case BLOCK_STATUS -> blockStatus(request);
            case DISC, RESIZE, UNKNOWN ->
                throw new IllegalStateException("the validator lets no %s pass".formatted(command));
        };
    }

    private NbdError read(Request request) throws IOException {
        int length = (int) request.length();
        if (!style.hasChunks()) {
            return readData(request, request.offset(), length);
        }
        if (length == 0) {
            // There is no chunk of no bytes.
            replies.reply(request, NbdError.NONE);
            return NbdError.NONE;
        }
        boolean mayHaveHole = length >= HOLE_BYTES && !request.has(CommandFlag.DF);
        int hole = mayHaveHole ? holeAt(request.offset(), length) : 0;
        if (hole > 0) {
            replies.chunk(request, new ReplyChunk.OffsetHole(request.offset(), hole), hole == length);
            export.sent(hole);
        }
        return hole == length ? NbdError.NONE : readData(request, request.offset() + hole, length - hole);
    }

    private int holeAt(long offset, int length) {
        return (int) (export.endOfHole(offset, offset + length) - offset);
    }

    private NbdError readData(Request request, long offset, int length) throws IOException {
        if (length >= Math.min(SENDFILE_BYTES, replies.payloadCapacity() + 1)) {
            LinuxFile file = export.sendableFile();
            return file == null ? readIntoMemory(request, offset, length) : sendFile(request, file, offset, length);
        }
        ByteBuffer payload = replies.payload(length);
        try {
            export.read(payload, offset);
            replies.replyWithPayload(request, offset, length);
            return NbdError.NONE;
        } catch (IOException e) {
            replies.dropPayload(length);
            NbdError error = failed(request, e);
            replies.failRead(request, error, offset);
            return error;
        }
    }

    /**
     * The header says "success" before the data is read: a failure can be told by a later chunk (proto.md, "Request
     * types"), and a simple reply can only end with the connection.
     */
    private NbdError sendFile(Request request, LinuxFile file, long offset, int length) throws IOException {
        try {
            replies.replyWithFile(request, file, offset, length);
            export.sent(length);
            return NbdError.NONE;
        } catch (TcpSocket.FileFailedException e) {
            export.readIntoMemory();
            NbdError error = failed(request, e);
            if (!style.hasChunks()) {
                throw e;
            }
            replies.completeFailedFile(request, e.unsent(), error, offset + length - e.unsent());
            return error;
        }
    }

    private NbdError readIntoMemory(Request request, long offset, int length) throws IOException {
        replies.flush();
        ByteBuffer payload = pool.takeForReply(length);
        try {
            try {
                export.read(payload, offset);
            } catch (IOException e) {
                NbdError error = failed(request, e);
                replies.failRead(request, error, offset);
                return error;
            }
            replies.replyWithPayload(request, offset, payload.flip());
            return NbdError.NONE;
        } finally {
            pool.giveFromReply(payload);
        }
    }

    /** Only advice: no more than a READ may ask for is worth it. */
    private NbdError cache(Request request) throws IOException {
        try {
            export.willNeed(request.offset(), Math.min(request.length(), limits.requestBytes()));
        } catch (IOException e) {
            return fail(request, e);
        }
        replies.reply(request, NbdError.NONE);
        return NbdError.NONE;
    }

    private NbdError zero(Request request) throws IOException {
        boolean keepSpace = request.has(CommandFlag.NO_HOLE);
        if (request.has(CommandFlag.FAST_ZERO)) {
            return zeroQuickly(request, keepSpace, NbdError.ENOTSUP);
        }
        if (request.length() > limits.slowZeroBytes()) {
            return zeroQuickly(request, keepSpace, NbdError.EOVERFLOW);
        }
        return change(request, () -> zeroInPieces(request, keepSpace));
    }

    /** What may take long looks up between two pieces, as a WRITE does: a newer connection waits for one of them only. */
    private void zeroInPieces(Request request, boolean keepSpace) throws IOException {
        long end = request.offset() + request.length();
        for (long offset = request.offset(); offset < end; offset += ZERO_BYTES) {
            if (fenced.getAsBoolean()) {
                throw new FencedException("fenced in the middle of a WRITE_ZEROES, which was not answered");
            }
            export.zero(offset, Math.min(ZERO_BYTES, end - offset), keepSpace);
        }
    }

    private NbdError zeroQuickly(Request request, boolean keepSpace, NbdError otherwise) throws IOException {
        replies.flush();
        try {
            if (request.length() > 0 && !export.zeroQuickly(request.offset(), request.length(), keepSpace)) {
                replies.reply(request, otherwise);
                return otherwise;
            }
        } catch (IOException e) {
            return fail(request, e);
        }
        return finish(request);
    }

    private NbdError blockStatus(Request request) throws IOException {
        if (!request.hasPayload()) {
            return blockStatus(request, request.length(), contexts);
        }
        ByteBuffer bytes = ByteBuffer.allocate((int) request.length());
        while (bytes.hasRemaining()) {
            bytes.put(nextPiece(bytes.remaining(), bytes.position()));
        }
        BlockStatusPayload payload = BlockStatusPayload.decode(bytes.flip());
        Optional<NbdError> refused = validator.validate(request, payload);
        if (refused.isPresent()) {
            replies.reply(request, refused.get());
            return refused.get();
        }
        Set<MetaContext> asked = contexts.stream()
                .filter(context -> payload.contextIds().contains(context.id()))
                .collect(Collectors.toSet());
        return blockStatus(request, payload.length(), asked);
    }

    private NbdError blockStatus(Request request, long length, Set<MetaContext> asked) throws IOException {
        int left = asked.size();
        for (MetaContext context : asked) {
            left--;
            replies.chunk(request, status(context, request, length), left == 0);
        }
        return NbdError.NONE;
    }

    private ReplyChunk status(MetaContext context, Request request, long length) {
        List<StatusDescriptor> descriptors = switch (context) {
            case BASE_ALLOCATION -> allocation(request, length);
        };
        return style == HeaderStyle.EXTENDED
                ? new ReplyChunk.BlockStatusExt(context.id(), descriptors)
                : new ReplyChunk.BlockStatus(context.id(), descriptors);
    }

    private List<StatusDescriptor> allocation(Request request, long length) {
        int atMost =
                request.has(CommandFlag.REQ_ONE) ? 1 : Math.min(limits.extentsPerReply(), replies.descriptorCapacity());
        return export.extents(request.offset(), length, atMost).stream()
                .map(extent ->
                        new StatusDescriptor(extent.length(), extent.hole() ? MetaContext.HOLE | MetaContext.ZERO : 0))
                .toList();
    }

    /** Writes what has arrived with the request, then the rest in pieces; after an error the rest is still drained. */
    private NbdError write(Request request) throws IOException {
        @Nullable IOException failure = null;
        long offset = request.offset();
        long left = request.length();
        while (left > 0) {
            ByteBuffer piece = nextPiece(left, offset);
            int length = piece.remaining();
            if (failure == null) {
                try {
                    export.write(piece, offset);
                } catch (IOException e) {
                    failure = e;
                }
            }
            offset += length;
            left -= length;
        }
        return failure == null ? finish(request) : fail(request, failure);
    }

    /**
     * The next bytes of a payload that goes to {@code offset}: those that were received already, or a new piece from the socket. A
     * piece ends at a multiple of {@link #SECTOR_BYTES}, but the last, so that a service that is killed between two leaves no
     * sector half written: file systems rely on whole ones.
     */
    private ByteBuffer nextPiece(long left, long offset) throws IOException {
        if (received.remaining() < Math.min(left, 2 * SECTOR_BYTES)) {
            if (fenced.getAsBoolean()) {
                throw new FencedException("fenced in the middle of a WRITE, which was not answered");
            }
            replies.flush();
            received.compact().limit((int) Math.min(left, Math.min(WRITE_BYTES, received.capacity())));
            socket.receiveFully(received);
            received.flip();
        }
        int length = (int) Math.min(left, received.remaining());
        if (length < left) {
            length -= (int) ((offset + length) % SECTOR_BYTES);
        }
        ByteBuffer piece = received.slice(received.position(), length);
        received.position(received.position() + length);
        return piece;
    }

    /**
     * A refused request's payload comes all the same; one that is far too long is not worth the wait, and with extended
     * headers not even one that is too long (proto.md, "Request message").
     */
    private void skipPayload(Request request) throws IOException {
        if (!request.hasPayload()) {
            return;
        }
        long patience = Math.max(HARMLESS_BYTES, (style == HeaderStyle.EXTENDED ? 1L : 2L) * limits.requestBytes());
        if (request.length() < 0 || request.length() > patience) {
            throw new ProtocolViolation("a payload of %s bytes".formatted(Long.toUnsignedString(request.length())));
        }
        long left = request.length();
        while (left > 0) {
            left -= nextPiece(left, 0).remaining();
        }
    }

    /** The connection has ended for us: what it asked for last is not done whole, and not answered. */
    private static final class FencedException extends EOFException {

        private static final long serialVersionUID = 1L;

        FencedException(String words) {
            super(words);
        }
    }

    private interface Change {
        void run() throws IOException;
    }

    private NbdError change(Request request, Change change) throws IOException {
        replies.flush();
        try {
            if (request.length() > 0 || request.command() == Command.FLUSH) {
                change.run();
            }
        } catch (FencedException e) {
            throw e;
        } catch (IOException e) {
            return fail(request, e);
        }
        return finish(request);
    }

    /** Answers a change that succeeded; one with FUA only when it is on stable storage. */
    private NbdError finish(Request request) throws IOException {
        if (request.has(CommandFlag.FUA)) {
            try {
                export.sync();
            } catch (IOException e) {
                return fail(request, e);
            }
        }
        replies.reply(request, NbdError.NONE);
        return NbdError.NONE;
    }

    private NbdError fail(Request request, IOException e) throws IOException {
        NbdError error = failed(request, e);
        replies.reply(request, error);
        return error;
    }

    /** The client gets the error's number, the operator its cause. */
    private NbdError failed(Request request, IOException e) {
        failures.warn(
                "export {0}: {1} of {2} bytes at {3} failed: {4}",
                export.name(),
                request.command(),
                Long.toString(request.length()),
                Long.toString(request.offset()),
                e.getMessage());
        if (!(e instanceof SystemCallException call)) {
            return NbdError.EIO;
        }
        return switch (call.errno()) {
            case Errno.ENOSPC, Errno.EDQUOT, Errno.EFBIG -> NbdError.ENOSPC;
            case Errno.EPERM, Errno.EROFS -> NbdError.EPERM;
            case Errno.ENOMEM -> NbdError.ENOMEM;
            default -> NbdError.EIO;
        };
    }
}
