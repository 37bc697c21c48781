package org.stiefelsystem.nbd.server;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.PeerAddress;
import org.stiefelsystem.nbd.export.Session;
import org.stiefelsystem.nbd.linux.TcpSocket;
import org.stiefelsystem.nbd.protocol.ClientFlags;
import org.stiefelsystem.nbd.protocol.Greeting;
import org.stiefelsystem.nbd.protocol.HandshakeFlag;
import org.stiefelsystem.nbd.protocol.NbdOption;
import org.stiefelsystem.nbd.protocol.OptionHeader;
import org.stiefelsystem.nbd.protocol.OptionReply;
import org.stiefelsystem.nbd.protocol.OptionRequest;
import org.stiefelsystem.nbd.protocol.ProtocolViolation;

/**
 * Option haggling (proto.md, "Fixed newstyle negotiation"): read the header, check the length, drain the option's
 * data, then reply. Each option is answered in a file of its own.
 */
final class Handshake {

    /** Who lists the exports asks of each of them: qemu-nbd --list with INFO and LIST_META_CONTEXT. */
    private static final int OPTIONS_PER_LISTED_EXPORT = 4;

    private final TcpSocket socket;
    private final NbdLimits limits;
    private final ByteBuffer buffer;
    private final BooleanSupplier stopping;
    private final long deadline;
    private final Haggling haggling;

    Handshake(
            TcpSocket socket,
            PeerAddress peer,
            Session session,
            Exports exports,
            NbdLimits limits,
            PeerWarnings warnings,
            ByteBuffer buffer,
            BooleanSupplier stopping) {
        this.socket = socket;
        this.limits = limits;
        this.buffer = buffer;
        this.stopping = stopping;
        this.deadline = System.nanoTime() + limits.handshakeDeadline().toNanos();
        this.haggling = new Haggling(socket, peer, session, exports, limits, warnings, buffer, deadline);
    }

    /** What was agreed; empty when the client took its leave. */
    Optional<Negotiated> negotiate() throws IOException {
        haggling.send(Greeting.fixedNewstyle()::encode);
        if (!receive(ClientFlags.BYTES)) {
            return Optional.empty();
        }
        ClientFlags client = ClientFlags.decode(buffer);
        int allowed = limits.optionsPerHandshake();
        boolean listed = false;
        for (int options = 0; options < allowed; options++) {
            if (!receive(OptionHeader.BYTES)) {
                return Optional.empty();
            }
            OptionHeader header = OptionHeader.decode(buffer);
            OptionRequest request = readOption(header);
            if (request instanceof OptionRequest.List && !listed) {
                listed = true;
                allowed += OPTIONS_PER_LISTED_EXPORT * haggling.exports().all().size();
            }
            switch (answer(header, request, client)) {
                case Outcome.NextOption next -> {}
                case Outcome.Goodbye goodbye -> {
                    return Optional.empty();
                }
                case Outcome.Agreed agreed -> {
                    return Optional.of(agreed.negotiated());
                }
            }
        }
        throw new ProtocolViolation("more than %d options".formatted(allowed));
    }

    private OptionRequest readOption(OptionHeader header) throws IOException {
        if (header.length() > limits.optionBytes()) {
            if (header.length() > limits.skippedOptionBytes()) {
                throw new ProtocolViolation(
                        "option %d with %d bytes of data".formatted(header.option(), header.length()));
            }
            skip(header.length());
            return OptionRequest.skipped(header.option(), header.length());
        }
        if (!receive((int) header.length())) {
            throw new ProtocolViolation("the data of option %d is missing".formatted(header.option()));
        }
        return OptionRequest.decode(header.option(), buffer);
    }

    private Outcome answer(OptionHeader header, OptionRequest request, ClientFlags client) throws IOException {
        if (stopping.getAsBoolean() && !(request instanceof OptionRequest.Abort)) {
            return refuse(header.option(), OptionReply.Type.ERR_SHUTDOWN, "this server stops");
        }
        return switch (request) {
            case OptionRequest.ExportName exportName ->
                ExportNameOption.answer(exportName, !client.has(HandshakeFlag.NO_ZEROES), haggling);
            case OptionRequest.Abort abort -> AbortOption.answer(haggling);
            case OptionRequest.List list -> ListOption.answer(haggling);
            case OptionRequest.StartTls startTls -> StartTlsOption.answer(haggling);
            case OptionRequest.Info info -> InfoOption.answer(info, haggling);
            case OptionRequest.Go go -> GoOption.answer(go, haggling);
            case OptionRequest.StructuredReply structuredReply -> StructuredReplyOption.answer(haggling);
            case OptionRequest.ListMetaContext list -> ListMetaContextOption.answer(list, haggling);
            case OptionRequest.SetMetaContext set -> SetMetaContextOption.answer(set, haggling);
            case OptionRequest.ExtendedHeaders extendedHeaders -> ExtendedHeadersOption.answer(haggling);
            case OptionRequest.Malformed malformed ->
                refuse(header.option(), OptionReply.Type.ERR_INVALID, malformed.why());
            case OptionRequest.TooLong tooLong ->
                refuse(
                        header.option(),
                        OptionReply.Type.ERR_TOO_BIG,
                        "%d bytes, of at most %d".formatted(tooLong.length(), limits.optionBytes()));
            case OptionRequest.Unknown unknown ->
                refuse(header.option(), OptionReply.Type.ERR_UNSUP, "this server does not know the option");
        };
    }

    /** An export's name has no reply that could say so; a SET_META_CONTEXT that fails leaves nothing selected. */
    private Outcome refuse(int option, OptionReply.Type error, String words) throws IOException {
        if (option == NbdOption.EXPORT_NAME.code()) {
            throw new ProtocolViolation(words);
        }
        if (option == NbdOption.SET_META_CONTEXT.code()) {
            haggling.deselect();
        }
        haggling.refuse(option, error, words);
        return new Outcome.NextOption();
    }

    private void skip(long bytes) throws IOException {
        long left = bytes;
        while (left > 0) {
            int n = (int) Math.min(left, buffer.capacity());
            if (!receive(n)) {
                throw new ProtocolViolation("the connection ended in the middle of an option");
            }
            left -= n;
        }
    }

    /** Receives exactly so many bytes before the deadline; false when the stream ended before the first. */
    private boolean receive(int bytes) throws IOException {
        buffer.clear().limit(bytes);
        while (buffer.hasRemaining()) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                throw new SocketTimeoutException("the handshake took longer than %d s"
                        .formatted(limits.handshakeDeadline().toSeconds()));
            }
            socket.awaitReadable(Duration.ofNanos(left));
            if (!socket.receive(buffer)) {
                if (buffer.position() == 0) {
                    return false;
                }
                throw new ProtocolViolation("the connection ended in the middle of the handshake");
            }
        }
        buffer.flip();
        return true;
    }
}
