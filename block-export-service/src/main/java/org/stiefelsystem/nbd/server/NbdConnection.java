package org.stiefelsystem.nbd.server;

import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.PeerAddress;
import org.stiefelsystem.nbd.export.Printable;
import org.stiefelsystem.nbd.export.Session;
import org.stiefelsystem.nbd.linux.Errno;
import org.stiefelsystem.nbd.linux.SystemCallException;
import org.stiefelsystem.nbd.linux.TcpSocket;
import org.stiefelsystem.nbd.protocol.ProtocolViolation;

/** One client from accept to close, on its own thread. */
final class NbdConnection implements Runnable, Session {

    private static final System.Logger LOG = System.getLogger(NbdConnection.class.getName());

    /** How long a client may take to read the last replies. */
    private static final Duration LAST_WORDS = Duration.ofSeconds(1);

    private static final int MAX_WORDS = 200;

    private final TcpSocket socket;
    private final PeerAddress peer;
    private final Exports exports;
    private final BufferPool pool;
    private final NbdLimits limits;
    private final NbdObserver observer;
    private final PeerWarnings warnings;
    private final Function<Export, PeerWarnings> failures;
    private final Runnable turnedAway;
    private final Runnable ended;
    private volatile boolean stopping;
    private volatile boolean fenced;
    private volatile @Nullable Transmission transmission;

    NbdConnection(
            TcpSocket socket,
            PeerAddress peer,
            Exports exports,
            BufferPool pool,
            NbdLimits limits,
            NbdObserver observer,
            PeerWarnings warnings,
            Function<Export, PeerWarnings> failures,
            Runnable turnedAway,
            Consumer<NbdConnection> ended) {
        this.socket = socket;
        this.peer = peer;
        this.exports = exports;
        this.pool = pool;
        this.limits = limits;
        this.observer = observer;
        this.warnings = warnings;
        this.failures = failures;
        this.turnedAway = turnedAway;
        this.ended = () -> ended.accept(this);
    }

    PeerAddress peer() {
        return peer;
    }

    long inFlightBytes() {
        Transmission current = transmission;
        return current == null ? 0 : current.inFlightBytes();
    }

    /** From any thread: reads no more, answers what was received, closes. */
    void stop() {
        stopping = true;
        socket.shutdownReading();
    }

    /** From any thread: ends at once. */
    void abort() {
        stopping = true;
        socket.shutdown();
    }

    @Override
    public void fence() {
        fenced = true;
        socket.shutdown();
    }

    @Override
    public boolean hungUp() {
        return socket.hungUp();
    }

    @Override
    public void run() {
        try {
            socket.configure(
                    limits.keepaliveIdle(),
                    limits.keepaliveInterval(),
                    limits.keepaliveProbes(),
                    limits.sendStall(),
                    limits.sendBytesPerSecond());
            Optional<Negotiated> negotiated = negotiate();
            if (negotiated.isPresent()) {
                transmit(negotiated.get());
            } else {
                turnedAway.run();
            }
        } catch (IOException e) {
            turnedAway.run();
            if (!stopping && !fenced) {
                warnings.warn("turned away {0}: {1}", peer, Printable.of(String.valueOf(e.getMessage()), MAX_WORDS));
            }
        } catch (RuntimeException | OutOfMemoryError e) {
            LOG.log(System.Logger.Level.ERROR, "dropped " + peer + " by a fault of this server", e);
        } finally {
            socket.close();
            ended.run();
        }
    }

    private Optional<Negotiated> negotiate() throws IOException {
        ByteBuffer buffer = pool.takeForHandshake();
        try {
            return new Handshake(socket, peer, this, exports, limits, warnings, buffer, () -> stopping).negotiate();
        } finally {
            pool.give(buffer);
        }
    }

    private void transmit(Negotiated negotiated) {
        LOG.log(
                System.Logger.Level.INFO,
                "{0} opened export {1}",
                peer,
                negotiated.export().name());
        Audit audit = new Audit(peer, negotiated, observer);
        boolean disconnected = false;
        String why = "a fault of this server";
        try {
            disconnected = transmit(negotiated, audit, pool.takeForTransmission());
            why = disconnected ? "disconnected" : whyLeft("closed");
        } catch (IOException e) {
            why = whyLeft(words(e));
        } finally {
            negotiated.end(disconnected);
            LOG.log(System.Logger.Level.INFO, audit.line(why));
        }
    }

    /** What this server did itself is the cause of what happened then. */
    private String whyLeft(String otherwise) {
        return fenced ? "fenced" : stopping ? "stopped" : otherwise;
    }

    private static String words(IOException e) {
        return switch (e) {
            case ProtocolViolation violation -> "violation: " + violation.getMessage();
            case SocketTimeoutException timeout -> "timeout: " + timeout.getMessage();
            case SystemCallException call ->
                (call.errno() == Errno.ETIMEDOUT ? "timeout: " : "I/O: ") + call.getMessage();
            case EOFException end -> "violation: " + end.getMessage();
            default -> "I/O: " + e.getMessage();
        };
    }

    private boolean transmit(Negotiated negotiated, Audit audit, BufferPool.Buffers buffers) throws IOException {
        try {
            Transmission current = new Transmission(
                    negotiated,
                    socket,
                    pool,
                    buffers,
                    limits,
                    audit,
                    failures.apply(negotiated.export()),
                    () -> stopping,
                    () -> fenced);
            transmission = current;
            boolean disconnected = current.run();
            if (stopping && !fenced) {
                sayGoodbye(buffers.received());
            }
            return disconnected;
        } finally {
            transmission = null;
            pool.give(buffers);
        }
    }

    /** The server stops: what was answered is on stable storage, and the client gets to read the answers. */
    private void sayGoodbye(ByteBuffer scratch) {
        try {
            socket.finish(scratch, LAST_WORDS);
        } catch (IOException e) {
            LOG.log(System.Logger.Level.DEBUG, "{0} did not wait for the end: {1}", peer, e.getMessage());
        }
    }
}
