package org.stiefelsystem.nbd.server;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.PeerAddress;
import org.stiefelsystem.nbd.export.RefusedException;
import org.stiefelsystem.nbd.linux.Errno;
import org.stiefelsystem.nbd.linux.OpenFiles;
import org.stiefelsystem.nbd.linux.SystemCallException;
import org.stiefelsystem.nbd.linux.TcpListener;
import org.stiefelsystem.nbd.linux.TcpSocket;

/** Listens and serves exports; a plain class: start, close, address. */
public final class NbdServer implements AutoCloseable {

    private static final System.Logger LOG = System.getLogger(NbdServer.class.getName());

    private static final int BACKLOG = 1024;
    private static final Duration ACCEPT_PAUSE = Duration.ofMillis(100);

    private final InetSocketAddress wanted;
    private final Exports exports;
    private final NbdLimits limits;
    private final NbdObserver observer;
    private final BufferPool pool;
    private final Map<NbdConnection, Thread> connections = new LinkedHashMap<>();
    private @Nullable TcpListener listener;
    private @Nullable Thread accepting;
    private volatile boolean stopping;
    private long accepted;

    /** Port 0 lets the kernel choose one; {@link #address()} tells it. */
    public NbdServer(InetSocketAddress address, Exports exports, NbdLimits limits, NbdObserver observer) {
        this.wanted = address;
        this.exports = exports;
        this.limits = limits;
        this.observer = observer;
        this.pool = new BufferPool(limits);
    }

    /** Listens from the return of this method on; refused with words when the address cannot be had. */
    public synchronized void start() throws IOException {
        if (listener != null) {
            throw new IllegalStateException("already started");
        }
        if (wanted.isUnresolved()) {
            throw new RefusedException(
                    "%s is no address of this machine.".formatted(wanted.getHostString()),
                    "ip address lists the addresses; a link-local one needs its link: fe80::1%link.");
        }
        try {
            TcpListener started = TcpListener.listen(wanted, BACKLOG);
            listener = started;
            stopping = false;
            accepting = Thread.ofPlatform().name("nbd-accept").start(() -> accept(started));
        } catch (SystemCallException e) {
            throw explained(e);
        }
    }

    /** Where the server listens. */
    public synchronized InetSocketAddress address() {
        if (listener == null) {
            throw new IllegalStateException("not started");
        }
        return listener.address();
    }

    public synchronized boolean running() {
        return listener != null;
    }

    /** Payload of large requests that are being done now. */
    public long inFlightBytes() {
        return snapshot().stream().mapToLong(NbdConnection::inFlightBytes).sum();
    }

    /**
     * Accepts and reads no more, answers what was received, flushes, closes. The exports stay open: whoever opened
     * them closes them.
     */
    @Override
    public void close() {
        TcpListener closing;
        Thread acceptor;
        synchronized (this) {
            if (listener == null || accepting == null) {
                return;
            }
            closing = listener;
            acceptor = accepting;
            stopping = true;
        }
        closing.shutdown();
        join(acceptor, Duration.ZERO);
        long deadline = System.nanoTime() + limits.stopGrace().toNanos();
        snapshot().forEach(NbdConnection::stop);
        for (Thread thread : threads()) {
            join(thread, Duration.ofNanos(Math.max(1_000_000, deadline - System.nanoTime())));
        }
        snapshot().forEach(NbdConnection::abort);
        threads().forEach(thread -> join(thread, Duration.ZERO));
        exports.all().stream().filter(export -> !export.readOnly()).forEach(NbdServer::flush);
        synchronized (this) {
            listener = null;
            accepting = null;
        }
    }

    private static void flush(Export export) {
        try {
            export.sync();
        } catch (IOException e) {
            LOG.log(
                    System.Logger.Level.ERROR,
                    "export {0} could not be flushed at the end: {1}",
                    export.name(),
                    e.getMessage());
        }
    }

    private void accept(TcpListener open) {
        try (open) {
            while (!stopping) {
                try {
                    admit(open.accept());
                } catch (IOException e) {
                    if (!stopping) {
                        LOG.log(System.Logger.Level.WARNING, "cannot accept: {0}", e.getMessage());
                        pause();
                    }
                }
            }
        }
    }

    /** Out of descriptors, say: a loop without a pause would only burn the processor. */
    private static void pause() {
        try {
            Thread.sleep(ACCEPT_PAUSE);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void admit(TcpSocket socket) {
        NbdConnection connection = new NbdConnection(socket, exports, pool, limits, observer, this::forget);
        Thread thread;
        synchronized (connections) {
            if (stopping || connections.size() >= limits.connections() || tooManyOf(connection.peer())) {
                LOG.log(System.Logger.Level.WARNING, "turned away {0}: too many connections", connection.peer());
                socket.close();
                return;
            }
            thread = Thread.ofPlatform().name("nbd-" + ++accepted).unstarted(connection);
            connections.put(connection, thread);
        }
        try {
            thread.start();
        } catch (OutOfMemoryError e) {
            LOG.log(System.Logger.Level.WARNING, "turned away {0}: no thread to be had", connection.peer());
            socket.close();
            forget(connection);
        }
    }

    private boolean tooManyOf(PeerAddress peer) {
        return connections.size() >= limits.connectionsPerPeer()
                && connections.keySet().stream()
                                .filter(connection -> connection.peer().equals(peer))
                                .count()
                        >= limits.connectionsPerPeer();
    }

    private void forget(NbdConnection connection) {
        synchronized (connections) {
            connections.remove(connection);
        }
    }

    private List<NbdConnection> snapshot() {
        synchronized (connections) {
            return List.copyOf(connections.keySet());
        }
    }

    private List<Thread> threads() {
        synchronized (connections) {
            return List.copyOf(connections.values());
        }
    }

    /** Zero waits for ever; an interrupt does not keep a stop from finishing. */
    private static void join(Thread thread, Duration atMost) {
        boolean interrupted = false;
        long deadline = System.nanoTime() + atMost.toNanos();
        while (thread.isAlive()) {
            long left = deadline - System.nanoTime();
            if (!atMost.isZero() && left <= 0) {
                break;
            }
            try {
                thread.join(atMost.isZero() ? 0 : left / 1_000_000 + 1);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private IOException explained(SystemCallException e) {
        String address = PeerAddress.of(wanted.getAddress()).text();
        return switch (e.errno()) {
            case Errno.EADDRINUSE -> {
                List<OpenFiles.Holder> holders = OpenFiles.listenersOn(wanted.getPort());
                yield new RefusedException(
                        "TCP port %d on %s is in use by %s."
                                .formatted(
                                        wanted.getPort(),
                                        address,
                                        holders.isEmpty()
                                                ? "another program"
                                                : holders.stream()
                                                        .map(OpenFiles.Holder::toString)
                                                        .collect(Collectors.joining(", "))),
                        "End that program, or choose another port.");
            }
            case Errno.EADDRNOTAVAIL ->
                new RefusedException(
                        "No interface of this machine has the address %s.".formatted(address),
                        "ip address lists the addresses; a link that is still coming up has none yet.");
            case Errno.EACCES ->
                new RefusedException(
                        "This user may not listen on port %d.".formatted(wanted.getPort()),
                        "Choose a port above 1023, or run as root.");
            case Errno.EINVAL ->
                new RefusedException(
                        "%s cannot be listened on: a link-local address belongs to a link.".formatted(address),
                        "Write it with its link: fe80::1%link.");
            default -> e;
        };
    }
}
