package org.stiefelsystem.nbd.server;

import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.Leases;
import org.stiefelsystem.nbd.export.PeerAddress;
import org.stiefelsystem.nbd.export.Session;
import org.stiefelsystem.nbd.linux.TcpSocket;
import org.stiefelsystem.nbd.protocol.ClientFlags;
import org.stiefelsystem.nbd.protocol.ExportNameReply;
import org.stiefelsystem.nbd.protocol.ExportQuery;
import org.stiefelsystem.nbd.protocol.Greeting;
import org.stiefelsystem.nbd.protocol.HandshakeFlag;
import org.stiefelsystem.nbd.protocol.InfoReply;
import org.stiefelsystem.nbd.protocol.NbdOption;
import org.stiefelsystem.nbd.protocol.OptionHeader;
import org.stiefelsystem.nbd.protocol.OptionReply;
import org.stiefelsystem.nbd.protocol.OptionRequest;
import org.stiefelsystem.nbd.protocol.ProtocolViolation;

/**
 * Option haggling (proto.md, "Fixed newstyle negotiation"): read the header, check the length, drain the option's
 * data, then reply.
 */
final class Handshake {

    private static final int MINIMUM_BLOCK = 1;
    private static final int PREFERRED_BLOCK = 4096;

    /** A guest gives up at ERR_POLICY, and asks again at any other error. */
    private static final OptionReply.Type NOT_NOW = OptionReply.Type.ERR_SHUTDOWN;

    private final TcpSocket socket;
    private final PeerAddress peer;
    private final Session session;
    private final Exports exports;
    private final NbdLimits limits;
    private final PeerWarnings warnings;
    private final ByteBuffer buffer;
    private final long deadline;

    Handshake(
            TcpSocket socket,
            PeerAddress peer,
            Session session,
            Exports exports,
            NbdLimits limits,
            PeerWarnings warnings,
            ByteBuffer buffer) {
        this.socket = socket;
        this.peer = peer;
        this.session = session;
        this.exports = exports;
        this.limits = limits;
        this.warnings = warnings;
        this.buffer = buffer;
        this.deadline = System.nanoTime() + limits.handshakeDeadline().toNanos();
    }

    /** What was agreed; empty when the client took its leave. */
    Optional<Negotiated> negotiate() throws IOException {
        buffer.clear();
        Greeting.fixedNewstyle().encode(buffer);
        socket.send(buffer.flip(), false);
        if (!receive(ClientFlags.BYTES)) {
            return Optional.empty();
        }
        ClientFlags client = ClientFlags.decode(buffer);
        for (int options = 0; options < limits.optionsPerHandshake(); options++) {
            if (!receive(OptionHeader.BYTES)) {
                return Optional.empty();
            }
            OptionHeader header = OptionHeader.decode(buffer);
            OptionRequest request = readOption(header);
            if (request == null) {
                continue;
            }
            switch (request) {
                case OptionRequest.ExportName exportName -> {
                    return Optional.of(enter(exportName, !client.has(HandshakeFlag.NO_ZEROES)));
                }
                case OptionRequest.Abort abort -> {
                    reply(OptionReply.ack(header.option()));
                    return Optional.empty();
                }
                case OptionRequest.List list -> list();
                case OptionRequest.Info info -> describe(header.option(), info.query());
                case OptionRequest.Go go -> {
                    Optional<Negotiated> negotiated = go(header.option(), go.query());
                    if (negotiated.isPresent()) {
                        return negotiated;
                    }
                }
                case OptionRequest.Malformed malformed -> refuseMalformed(malformed);
                case OptionRequest.Unknown unknown ->
                    refuse(header.option(), OptionReply.Type.ERR_UNSUP, "this server does not know the option");
            }
        }
        throw new ProtocolViolation("more than %d options".formatted(limits.optionsPerHandshake()));
    }

    /** The option with its data; null when that was too long and is answered already. */
    private @Nullable OptionRequest readOption(OptionHeader header) throws IOException {
        if (header.length() > limits.optionBytes()) {
            if (header.length() > limits.skippedOptionBytes()) {
                throw new ProtocolViolation(
                        "option %d with %d bytes of data".formatted(header.option(), header.length()));
            }
            skip(header.length());
            return tooLong(header);
        }
        if (!receive((int) header.length())) {
            throw new ProtocolViolation("the data of option %d is missing".formatted(header.option()));
        }
        return OptionRequest.decode(header.option(), buffer);
    }

    /** What data says that was not looked at: nothing, unless the option is known and its data matters. */
    private @Nullable OptionRequest tooLong(OptionHeader header) throws IOException {
        Optional<NbdOption> known = NbdOption.ofCode(header.option());
        if (known.isEmpty()) {
            return new OptionRequest.Unknown(header.option(), header.length());
        }
        return switch (known.get()) {
            case ABORT -> new OptionRequest.Abort();
            case EXPORT_NAME -> throw new ProtocolViolation("an export name of %d bytes".formatted(header.length()));
            case LIST, INFO, GO -> {
                refuse(
                        header.option(),
                        OptionReply.Type.ERR_TOO_BIG,
                        "at most %d bytes".formatted(limits.optionBytes()));
                yield null;
            }
        };
    }

    /** The only option that cannot be refused with a reply. */
    private Negotiated enter(OptionRequest.ExportName request, boolean zeroes) throws IOException {
        Exports.Answer.Found asked = switch (exports.ask(request.name(), peer)) {
            case Exports.Answer.Found found -> found;
            case Exports.Answer.Unknown unknown -> throw new ProtocolViolation(unknown.words());
            case Exports.Answer.Refused refused -> throw new ProtocolViolation(refused.words());
            case Exports.Answer.NotNow notNow -> throw new HandshakeAbandonedException(notNow.words());
        };
        return switch (take(asked)) {
            case Leases.Answer.Granted granted ->
                announced(asked, () -> {
                    buffer.clear();
                    new ExportNameReply(asked.export().size(), ExportFlags.of(asked.export(), asked.bootId()), zeroes)
                            .encode(buffer);
                    socket.send(buffer.flip(), false);
                });
            case Leases.Answer.Refused refused -> throw new ProtocolViolation(refused.words());
            case Leases.Answer.NotNow notNow -> throw new HandshakeAbandonedException(notNow.words());
            case Leases.Answer.Abandoned abandoned -> throw new HandshakeAbandonedException(abandoned.why());
        };
    }

    private Leases.Answer take(Exports.Answer.Found asked) {
        Duration left = Duration.ofNanos(deadline - System.nanoTime());
        return exports.leases().take(asked.export(), peer, asked.bootId(), session, left);
    }

    private void list() throws IOException {
        for (Export export : exports.all()) {
            reply(OptionReply.server(export.name()));
        }
        reply(OptionReply.ack(NbdOption.LIST.code()));
    }

    /** The same answers as GO, without going. */
    private void describe(int option, ExportQuery query) throws IOException {
        Optional<Exports.Answer.Found> found = find(option, query);
        if (found.isPresent()) {
            replyInfo(option, found.get(), query.informationRequests());
        }
    }

    private Optional<Negotiated> go(int option, ExportQuery query) throws IOException {
        Optional<Exports.Answer.Found> found = find(option, query);
        if (found.isEmpty()) {
            return Optional.empty();
        }
        return switch (take(found.get())) {
            case Leases.Answer.Granted granted ->
                Optional.of(announced(found.get(), () -> replyInfo(option, found.get(), query.informationRequests())));
            case Leases.Answer.Refused refused -> {
                refuse(option, OptionReply.Type.ERR_POLICY, refused.words());
                yield Optional.empty();
            }
            case Leases.Answer.NotNow notNow -> {
                refuse(option, NOT_NOW, notNow.words());
                yield Optional.empty();
            }
            case Leases.Answer.Abandoned abandoned -> throw new HandshakeAbandonedException(abandoned.why());
        };
    }

    private interface Announcement {
        void send() throws IOException;
    }

    /** A connection that dies during the last reply must not keep the export. */
    private Negotiated announced(Exports.Answer.Found found, Announcement announcement) throws IOException {
        Negotiated negotiated = new Negotiated(found.export(), found.bootId(), exports.leases(), session);
        boolean sent = false;
        try {
            announcement.send();
            sent = true;
            return negotiated;
        } finally {
            if (!sent) {
                negotiated.end(false);
            }
        }
    }

    private Optional<Exports.Answer.Found> find(int option, ExportQuery query) throws IOException {
        return switch (exports.ask(query.name(), peer)) {
            case Exports.Answer.Found found -> Optional.of(found);
            case Exports.Answer.Unknown unknown -> {
                refuse(option, OptionReply.Type.ERR_UNKNOWN, unknown.words());
                yield Optional.empty();
            }
            case Exports.Answer.Refused refused -> {
                warnings.warn("refused {0}: {1}", peer, refused.words());
                refuse(option, OptionReply.Type.ERR_POLICY, refused.words());
                yield Optional.empty();
            }
            case Exports.Answer.NotNow notNow -> {
                refuse(option, NOT_NOW, notNow.words());
                yield Optional.empty();
            }
        };
    }

    private void replyInfo(int option, Exports.Answer.Found found, Set<Integer> requests) throws IOException {
        Export export = found.export();
        reply(OptionReply.info(option, new InfoReply.Export(export.size(), ExportFlags.of(export, found.bootId()))));
        if (requests.contains(InfoReply.NBD_INFO_NAME)) {
            reply(OptionReply.info(option, new InfoReply.Name(export.name())));
        }
        if (requests.contains(InfoReply.NBD_INFO_DESCRIPTION)) {
            reply(OptionReply.info(option, new InfoReply.Description(export.path())));
        }
        reply(OptionReply.info(option, new InfoReply.BlockSize(MINIMUM_BLOCK, PREFERRED_BLOCK, limits.requestBytes())));
        reply(OptionReply.ack(option));
    }

    /** An export name has no reply that could say so. */
    private void refuseMalformed(OptionRequest.Malformed malformed) throws IOException {
        if (malformed.option() == NbdOption.EXPORT_NAME) {
            throw new ProtocolViolation(malformed.why());
        }
        refuse(malformed.option().code(), OptionReply.Type.ERR_INVALID, malformed.why());
    }

    private void refuse(int option, OptionReply.Type error, String words) throws IOException {
        reply(OptionReply.error(option, error, words));
    }

    private void reply(OptionReply reply) throws IOException {
        buffer.clear();
        reply.encode(buffer);
        socket.send(buffer.flip(), false);
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
