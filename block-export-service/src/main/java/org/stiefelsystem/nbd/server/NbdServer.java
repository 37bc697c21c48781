package org.stiefelsystem.nbd.server;

import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.Leases;
import org.stiefelsystem.nbd.export.PeerAddress;
import org.stiefelsystem.nbd.export.RefusedException;
import org.stiefelsystem.nbd.export.Session;
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
    private final PeerWarnings warnings = new PeerWarnings(LOG, System.Logger.Level.WARNING, System::nanoTime);
    private final Map<Export, PeerWarnings> failures = new WeakHashMap<>();
    private final LongAdder turnedAway = new LongAdder();
    private final Map<NbdConnection, Thread> connections = new LinkedHashMap<>();
    private @Nullable TcpListener listener;
    private @Nullable Thread accepting;
    private volatile boolean stopping;
    private long accepted;

    /** Port 0 lets the kernel choose one; {@link #address()} tells it. */
    public NbdServer(InetSocketAddress address, Exports exports, NbdLimits limits, NbdObserver observer) {
        this(address, exports, limits, observer, new BufferPool(limits));
    }

    NbdServer(InetSocketAddress address, Exports exports, NbdLimits limits, NbdObserver observer, BufferPool pool) {
        this.wanted = address;
        this.exports = exports;
        this.limits = limits;
        this.observer = observer;
        this.pool = pool;
    }

    /** Listens from the return of this method on; refused with words when the address cannot be had. */
    public synchronized void start() throws IOException {
        if (listener != null) {
            throw new IllegalStateException("already started");
        }
        stopping = false;
        listenAt(wanted);
    }

    /**
     * Listens at another address of the same port from now on, because the link that it was bound to was made anew;
     * connections go on. Refused with words when the address cannot be had; the old one is kept then.
     */
    public synchronized void move(InetAddress address) throws IOException {
        TcpListener old = listener;
        if (old == null || stopping) {
            // Else the new listener would outlive the server.
            throw new RefusedException("The block export does not listen: it starts or stops.", "Ask again later.");
        }
        if (isSame(old.address().getAddress(), address)) {
            return;
        }
        listenAt(new InetSocketAddress(address, old.address().getPort()));
        old.shutdown();
    }

    /** Java takes the same address on two links as equal. */
    private static boolean isSame(InetAddress one, InetAddress other) {
        return one.equals(other)
                && (!(one instanceof Inet6Address six)
                        || !(other instanceof Inet6Address otherSix)
                        || six.getScopeId() == otherSix.getScopeId());
    }

    private synchronized void listenAt(InetSocketAddress address) throws IOException {
        if (address.isUnresolved()) {
            throw new RefusedException(
                    "%s is no address of this machine.".formatted(address.getHostString()),
                    "ip address lists the addresses; a link-local one needs its link: fe80::1%link.");
        }
        try {
            TcpListener started = TcpListener.listen(address, BACKLOG);
            PeerAddress.Link link = PeerAddress.Link.of(started.address().getAddress());
            listener = started;
            accepting = Thread.ofPlatform().name("nbd-accept").start(() -> accept(started, link));
        } catch (SystemCallException e) {
            throw explained(address, e);
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

    /** Whether a new client would be let in. */
    public synchronized boolean accepting() {
        return accepting != null && accepting.isAlive() && !stopping;
    }

    /** Payload of large requests that are being done now. */
    public long inFlightBytes() {
        return snapshot().keySet().stream()
                .mapToLong(NbdConnection::inFlightBytes)
                .sum();
    }

    /** Connections that ended without having got an export. */
    public long turnedAway() {
        return turnedAway.sum();
    }

    /**
     * Serves this export no more: as {@link #close()} does it, its connections are answered what was received of them, it
     * is flushed, and closed. Refused while a guest has a lease of it.
     */
    public void remove(Export export) throws RefusedException {
        Set<Session> sessions = exports.leases().detach(export);
        long now = System.nanoTime();
        long limit = now + limits.stopLimit().toNanos();
        Map<NbdConnection, Thread> ending = snapshot();
        ending.keySet().retainAll(sessions);
        end(ending, now + limits.stopGrace().toNanos(), limit);
        leave(exports.leases(), export, limit);
        if (exports.remove(export)) {
            export.close();
        }
    }

    private static void end(Map<NbdConnection, Thread> ending, long grace, long limit) {
        ending.keySet().forEach(NbdConnection::stop);
        ending.values().forEach(thread -> join(thread, grace));
        ending.entrySet().stream()
                .filter(connection -> connection.getValue().isAlive())
                .forEach(connection -> connection.getKey().abort());
        ending.values().forEach(thread -> join(thread, limit));
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
        long now = System.nanoTime();
        long grace = now + limits.stopGrace().toNanos();
        long limit = now + limits.stopLimit().toNanos();
        closing.shutdown();
        join(acceptor, limit);
        end(snapshot(), grace, limit);
        exports.all().forEach(export -> leave(exports.leases(), export, limit));
        synchronized (this) {
            listener = null;
            accepting = null;
        }
    }

    /** Flushes; what a disk does not answer in time is left to it, and its descriptor stays open. */
    private static void leave(Leases leases, Export export, long limit) {
        Thread flush = Thread.ofPlatform().daemon().name("nbd-flush").unstarted(() -> flush(export));
        if (!export.readOnly()) {
            flush.start();
            join(flush, limit);
        }
        if (flush.isAlive() || leases.of(export.name()).connections() > 0) {
            LOG.log(
                    System.Logger.Level.ERROR,
                    "export {0}: the disk does not answer; stopped without waiting for it any longer",
                    export.name());
            export.leaveOpen();
        } else if (export.failed()) {
            leases.disown(export);
        } else {
            leases.settle(export);
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

    private void accept(TcpListener open, PeerAddress.Link link) {
        try (open) {
            while (!open.isShutDown()) {
                try {
                    admit(open.accept(), link);
                } catch (IOException | RuntimeException | OutOfMemoryError e) {
                    if (!open.isShutDown()) {
                        warnings.warn("cannot accept: {0}", e);
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

    /** The connection's thread closes the socket, when there is one. */
    private void admit(TcpSocket socket, PeerAddress.Link link) {
        boolean admitted = false;
        try {
            admitted = connect(socket, PeerAddress.on(link, socket.peer().getAddress()));
        } finally {
            if (!admitted) {
                socket.close();
            }
        }
    }

    private boolean connect(TcpSocket socket, PeerAddress peer) {
        NbdConnection connection = new NbdConnection(
                socket,
                peer,
                exports,
                pool,
                limits,
                observer,
                warnings,
                this::failuresOf,
                turnedAway::increment,
                this::forget);
        Thread thread;
        synchronized (connections) {
            if (stopping || connections.size() >= limits.connections() || tooManyOf(connection.peer())) {
                turnedAway.increment();
                warnings.warn("turned away {0}: too many connections", connection.peer());
                return false;
            }
            thread = Thread.ofPlatform().name("nbd-" + ++accepted).unstarted(connection);
            connections.put(connection, thread);
        }
        boolean started = false;
        try {
            thread.start();
            started = true;
        } finally {
            if (!started) {
                forget(connection);
            }
        }
        return true;
    }

    /** A disk that fails, or is full, must not hide the others' failures. */
    private PeerWarnings failuresOf(Export export) {
        synchronized (failures) {
            return failures.computeIfAbsent(
                    export, one -> new PeerWarnings(LOG, System.Logger.Level.ERROR, System::nanoTime));
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

    private Map<NbdConnection, Thread> snapshot() {
        synchronized (connections) {
            return new LinkedHashMap<>(connections);
        }
    }

    /** Waits until then at most; an interrupt does not keep a stop from finishing. */
    private static void join(Thread thread, long deadline) {
        boolean interrupted = false;
        long left = deadline - System.nanoTime();
        while (thread.isAlive() && left > 0) {
            try {
                thread.join(Duration.ofNanos(left));
            } catch (InterruptedException e) {
                interrupted = true;
            }
            left = deadline - System.nanoTime();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private static IOException explained(InetSocketAddress wanted, SystemCallException e) {
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
