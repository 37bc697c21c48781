package org.stiefelsystem.nbd.server;

import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.PeerAddress;
import org.stiefelsystem.nbd.export.Session;
import org.stiefelsystem.nbd.linux.SystemCallException;
import org.stiefelsystem.nbd.linux.TcpSocket;
import org.stiefelsystem.nbd.protocol.ProtocolViolation;

/** One client from accept to close, on its own thread. */
final class NbdConnection implements Runnable, Session {

    private static final System.Logger LOG = System.getLogger(NbdConnection.class.getName());

    /** How long a client may take to read the last replies. */
    private static final Duration LAST_WORDS = Duration.ofSeconds(1);

    private final TcpSocket socket;
    private final PeerAddress peer;
    private final Exports exports;
    private final BufferPool pool;
    private final NbdLimits limits;
    private final NbdObserver observer;
    private final PeerWarnings warnings;
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
            java.util.function.Consumer<NbdConnection> ended) {
        this.socket = socket;
        this.peer = peer;
        this.exports = exports;
        this.pool = pool;
        this.limits = limits;
        this.observer = observer;
        this.warnings = warnings;
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
                    limits.keepaliveIdle(), limits.keepaliveInterval(), limits.keepaliveProbes(), limits.sendStall());
            Optional<Negotiated> negotiated = negotiate();
            if (negotiated.isPresent()) {
                transmit(negotiated.get());
            }
        } catch (ProtocolViolation e) {
            warnings.warn("closed {0}: {1}", peer, e.getMessage());
        } catch (HandshakeAbandonedException e) {
            LOG.log(System.Logger.Level.INFO, "gave up a handshake with {0}: {1}", peer, e.getMessage());
        } catch (EOFException | SocketTimeoutException | SystemCallException e) {
            LOG.log(
                    stopping || fenced ? System.Logger.Level.DEBUG : System.Logger.Level.INFO,
                    "lost {0}: {1}",
                    peer,
                    e.getMessage());
        } catch (IOException e) {
            LOG.log(System.Logger.Level.ERROR, "dropped {0}: {1}", peer, e.getMessage());
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

    private void transmit(Negotiated negotiated) throws IOException {
        Export export = negotiated.export();
        LOG.log(System.Logger.Level.INFO, "{0} opened export {1}", peer, export.name());
        boolean disconnected = false;
        try {
            disconnected = transmit(negotiated, pool.takeForTransmission());
        } finally {
            negotiated.end(disconnected);
            LOG.log(
                    System.Logger.Level.INFO,
                    fenced ? "{0} was made to leave export {1}" : "{0} left export {1}",
                    peer,
                    export.name());
        }
    }

    private boolean transmit(Negotiated negotiated, BufferPool.Buffers buffers) throws IOException {
        try {
            Transmission current =
                    new Transmission(negotiated, socket, pool, buffers, limits, observer, () -> stopping, () -> fenced);
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
