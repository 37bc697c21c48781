package org.stiefelsystem.nbd.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.Leases;
import org.stiefelsystem.nbd.export.PeerAddress;
import org.stiefelsystem.nbd.export.Session;
import org.stiefelsystem.nbd.linux.TcpSocket;
import org.stiefelsystem.nbd.protocol.HeaderStyle;
import org.stiefelsystem.nbd.protocol.MetaContext;
import org.stiefelsystem.nbd.protocol.OptionReply;
import org.stiefelsystem.nbd.protocol.TransmissionFlag;

/** What the options of one handshake share: the peer, what was agreed so far, and the ways to answer. */
final class Haggling {

    /** A guest gives up at ERR_POLICY, and asks again at any other error. */
    static final OptionReply.Type NOT_NOW = OptionReply.Type.ERR_SHUTDOWN;

    private final TcpSocket socket;
    private final PeerAddress peer;
    private final Session session;
    private final Exports exports;
    private final NbdLimits limits;
    private final PeerWarnings warnings;
    private final ByteBuffer buffer;
    private final long deadline;
    private HeaderStyle style = HeaderStyle.SIMPLE;
    private Selection selection = Selection.NONE;

    /** The meta contexts of the last SET_META_CONTEXT, and the export's name in it. */
    private record Selection(String exportName, Set<MetaContext> contexts) {

        static final Selection NONE = new Selection("", Set.of());
    }

    Haggling(
            TcpSocket socket,
            PeerAddress peer,
            Session session,
            Exports exports,
            NbdLimits limits,
            PeerWarnings warnings,
            ByteBuffer buffer,
            long deadline) {
        this.socket = socket;
        this.peer = peer;
        this.session = session;
        this.exports = exports;
        this.limits = limits;
        this.warnings = warnings;
        this.buffer = buffer;
        this.deadline = deadline;
    }

    Exports exports() {
        return exports;
    }

    NbdLimits limits() {
        return limits;
    }

    HeaderStyle style() {
        return style;
    }

    void agreeOn(HeaderStyle agreed) {
        style = agreed;
    }

    /** Replaces what was selected before. */
    void select(String exportName, Set<MetaContext> contexts) {
        selection = new Selection(exportName, contexts);
    }

    void deselect() {
        selection = Selection.NONE;
    }

    /** Those that were selected for this very name (proto.md, "Metadata querying"). */
    private Set<MetaContext> contextsOf(String exportName) {
        return selection.exportName.equals(exportName) ? selection.contexts : Set.of();
    }

    Set<TransmissionFlag> flags(String exportName, Exports.Answer.Found found) {
        return ExportFlags.of(found.export(), found.bootId(), style, contextsOf(exportName));
    }

    Exports.Answer ask(String exportName) {
        return exports.ask(exportName, peer);
    }

    /** What a client asks for by name; empty when it was told that it does not get it. */
    Optional<Exports.Answer.Found> find(int option, String exportName) throws IOException {
        return switch (ask(exportName)) {
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

    /** Lets the session in, maybe after a wait for its fence. */
    Leases.Answer take(Exports.Answer.Found asked) {
        Duration left = Duration.ofNanos(deadline - System.nanoTime());
        return exports.leases().take(asked.export(), peer, asked.bootId(), session, left);
    }

    interface Announcement {
        void send() throws IOException;
    }

    /** Ends the haggling with its last reply. A connection that dies during it must not keep the export. */
    Negotiated enter(String exportName, Exports.Answer.Found found, boolean keepsToBlocks, Announcement announcement)
            throws IOException {
        Negotiated negotiated = new Negotiated(
                found.export(),
                found.bootId(),
                style,
                keepsToBlocks,
                contextsOf(exportName),
                exports.leases(),
                session);
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

    void refuse(int option, OptionReply.Type error, String words) throws IOException {
        reply(OptionReply.error(option, error, words));
    }

    void reply(OptionReply reply) throws IOException {
        send(reply::encode);
    }

    interface Message {
        void encode(ByteBuffer out);
    }

    void send(Message message) throws IOException {
        buffer.clear();
        message.encode(buffer);
        socket.send(buffer.flip(), Duration.ofNanos(deadline - System.nanoTime()));
    }
}
