package org.stiefelsystem.nbd.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.time.Duration;

/**
 * One connection. One thread uses and closes it; any other may {@link #shutdownReading()} or {@link #shutdown()},
 * which ends a call that waits (closing under it would not).
 */
public final class TcpSocket implements AutoCloseable {

    static final int SOL_SOCKET = 1;
    static final int SO_REUSEADDR = 2;

    private static final int SO_KEEPALIVE = 9;
    private static final int SO_SNDTIMEO = 21;
    private static final int IPPROTO_TCP = 6;
    private static final int TCP_NODELAY = 1;
    private static final int TCP_KEEPIDLE = 4;
    private static final int TCP_KEEPINTVL = 5;
    private static final int TCP_KEEPCNT = 6;
    private static final int TCP_USER_TIMEOUT = 18;
    private static final int MSG_WAITALL = 0x100;
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final int MSG_MORE = 0x8000;
    private static final int SHUT_RD = 0;
    private static final int SHUT_WR = 1;
    private static final int SHUT_RDWR = 2;
    private static final short POLLIN = 1;
    private static final short POLLRDHUP = 0x2000;

    /** A send that waits comes back so often, to see whether the peer may still have time. */
    private static final long MOST_NANOS_OF_A_WAIT = 1_000_000_000;

    /** Within one call of sendfile each 64 KiB may wait anew. */
    private static final long SENDFILE_BYTES = 1 << 20;

    private final int fd;
    private final InetSocketAddress peer;
    private final Arena arena = Arena.ofAuto();
    private final MemorySegment sendfileOffset = arena.allocate(JAVA_LONG);
    private final MemorySegment pollfd = arena.allocate(8, 4);
    private long stallNanos = Long.MAX_VALUE / 2;
    private int leastBytesPerSecond = Integer.MAX_VALUE;
    private boolean closed;

    TcpSocket(int fd, InetSocketAddress peer) {
        this.fd = fd;
        this.peer = peer;
    }

    public InetSocketAddress peer() {
        return peer;
    }

    /**
     * Replies go out at once; a peer that is gone, takes nothing for {@code stall}, or takes what is sent more slowly than
     * at {@code bytesPerSecond} after that, ends the connection.
     */
    public void configure(
            Duration keepaliveIdle, Duration keepaliveInterval, int keepaliveProbes, Duration stall, int bytesPerSecond)
            throws SystemCallException {
        option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        option(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int) keepaliveIdle.toSeconds());
        option(fd, IPPROTO_TCP, TCP_KEEPINTVL, (int) keepaliveInterval.toSeconds());
        option(fd, IPPROTO_TCP, TCP_KEEPCNT, keepaliveProbes);
        // Where it is set, it and not the number of probes decides when a silent peer is given up.
        option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int) keepaliveIdle
                .plus(keepaliveInterval.multipliedBy(keepaliveProbes))
                .toMillis());
        stallNanos = stall.toNanos();
        leastBytesPerSecond = bytesPerSecond;
        long tick = Math.min(stallNanos / 4, MOST_NANOS_OF_A_WAIT) / 1_000;
        try (Arena confined = Arena.ofConfined()) {
            MemorySegment timeval = confined.allocateFrom(JAVA_LONG, tick / 1_000_000, tick % 1_000_000);
            int result = Libc.setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, timeval);
            if (result < 0) {
                throw new SystemCallException("setsockopt", "SO_SNDTIMEO", -result);
            }
        }
    }

    static void option(int fd, int level, int option, int value) throws SystemCallException {
        try (Arena confined = Arena.ofConfined()) {
            int result = Libc.setsockopt(fd, level, option, confined.allocateFrom(JAVA_INT, value));
            if (result < 0) {
                throw new SystemCallException("setsockopt", "%d, %d, %d".formatted(level, option, value), -result);
            }
        }
    }

    /** Receives as much as is there and fits, at least a byte; false at the end of the stream. */
    public boolean receive(ByteBuffer into) throws IOException {
        return receive(into, 0);
    }

    /** Fills the buffer in as few calls as the kernel allows. */
    public void receiveFully(ByteBuffer into) throws IOException {
        while (into.hasRemaining()) {
            if (!receive(into, MSG_WAITALL)) {
                throw new EOFException("the peer closed in the middle of a message");
            }
        }
    }

    private boolean receive(ByteBuffer into, int flags) throws IOException {
        while (true) {
            long n;
            try {
                n = Libc.recv(fd, Libc.address(into), into.remaining(), flags);
            } finally {
                Reference.reachabilityFence(into);
            }
            if (n > 0) {
                into.position(into.position() + (int) n);
                return true;
            }
            if (n == 0) {
                return false;
            }
            if (n != -Errno.EINTR) {
                throw new SystemCallException("recv", peer.toString(), (int) -n);
            }
        }
    }

    /** Whether the peer has closed its side, or the connection is dead; looks without waiting. */
    public boolean hungUp() {
        pollfd.set(JAVA_INT, 0, fd);
        pollfd.set(JAVA_SHORT, 4, POLLRDHUP);
        pollfd.set(JAVA_SHORT, 6, (short) 0);
        return Libc.poll(pollfd, 1, 0) > 0;
    }

    /** Waits until there is something to receive, or the end of the stream. */
    public void awaitReadable(Duration atMost) throws IOException {
        pollfd.set(JAVA_INT, 0, fd);
        pollfd.set(JAVA_SHORT, 4, POLLIN);
        long deadline = System.nanoTime() + atMost.toNanos();
        while (true) {
            long left = Math.max(0, (deadline - System.nanoTime() + 999_999) / 1_000_000);
            int result = Libc.poll(pollfd, 1, (int) Math.min(left, Integer.MAX_VALUE));
            if (result > 0) {
                return;
            }
            if (result == 0) {
                throw new SocketTimeoutException("%s sent nothing in time".formatted(peer));
            }
            if (result != -Errno.EINTR) {
                throw new SystemCallException("poll", peer.toString(), -result);
            }
        }
    }

    /** How long the peer may take for one send. */
    private final class Pace {

        private final long start = System.nanoTime();
        private final long mostNanos;
        private long tookLast = start;

        private Pace(long mostNanos) {
            this.mostNanos = mostNanos;
        }

        private void took() throws SocketTimeoutException {
            tookLast = System.nanoTime();
            if (tookLast - start > mostNanos) {
                throw new SocketTimeoutException("%s took too little in time".formatted(peer));
            }
        }

        private void tookNothing() throws SocketTimeoutException {
            long now = System.nanoTime();
            if (now - tookLast >= stallNanos || now - start > mostNanos) {
                throw new SocketTimeoutException("%s took nothing in time".formatted(peer));
            }
        }
    }

    private Pace pace(long bytes) {
        return new Pace(stallNanos + bytes * 1_000_000_000L / leastBytesPerSecond);
    }

    /** Sends all of the buffer; {@code more} says that the next send follows at once. */
    public void send(ByteBuffer from, boolean more) throws IOException {
        send(from, more, pace(from.remaining()));
    }

    /** Sends all of the buffer in this time. */
    public void send(ByteBuffer from, Duration atMost) throws IOException {
        send(from, false, new Pace(atMost.toNanos()));
    }

    private void send(ByteBuffer from, boolean more, Pace pace) throws IOException {
        long address = Libc.address(from);
        int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
        int length = from.remaining();
        int done = 0;
        try {
            while (done < length) {
                long n = Libc.send(fd, address + done, length - done, flags);
                if (n == length - done) {
                    break;
                }
                if (n >= 0) {
                    done += (int) n;
                    pace.took();
                } else if (n == -Errno.EAGAIN) {
                    pace.tookNothing();
                } else if (n != -Errno.EINTR) {
                    throw new SystemCallException("send", peer.toString(), (int) -n);
                }
            }
        } finally {
            Reference.reachabilityFence(from);
        }
        from.position(from.limit());
    }

    /** Sends a part of a file without taking it through this program's memory. */
    public void sendFile(LinuxFile file, long offset, long length) throws IOException {
        sendfileOffset.set(JAVA_LONG, 0, file.origin() + offset);
        Pace pace = pace(length);
        long left = length;
        while (left > 0) {
            long n = Libc.sendfile(fd, file.fd(), sendfileOffset.address(), Math.min(left, SENDFILE_BYTES));
            if (n > 0) {
                left -= n;
                pace.took();
            } else if (n == 0) {
                throw new FileFailedException(
                        new EOFException("%s ends at %d".formatted(file.path(), offset + length - left)), left);
            } else if (n == -Errno.EAGAIN) {
                pace.tookNothing();
            } else if (isOfTheConnection((int) -n)) {
                throw new SystemCallException("sendfile", peer.toString(), (int) -n);
            } else if (n != -Errno.EINTR) {
                throw new FileFailedException(
                        new SystemCallException(
                                "sendfile", "%s, %d, %d".formatted(file.path(), offset + length - left, left), (int)
                                        -n),
                        left);
            }
        }
    }

    /** Disks fail in many ways (EIO, EBADMSG, ENODATA, EREMOTEIO, ESTALE, …), connections in these. */
    private static boolean isOfTheConnection(int errno) {
        return switch (errno) {
            case Errno.EPIPE,
                    Errno.ECONNRESET,
                    Errno.ENOTCONN,
                    Errno.ETIMEDOUT,
                    Errno.EHOSTUNREACH,
                    Errno.ENETUNREACH,
                    Errno.ENETDOWN -> true;
            default -> false;
        };
    }

    /** It was the file and not the connection that made a {@link #sendFile} fail. */
    public static final class FileFailedException extends IOException {

        private static final long serialVersionUID = 1L;

        private final long unsent;

        FileFailedException(IOException cause, long unsent) {
            super(cause);
            this.unsent = unsent;
        }

        /** How many bytes of what was to be sent are missing. */
        public long unsent() {
            return unsent;
        }
    }

    /** Says goodbye and lets the peer read what was sent: closing over unread bytes would reset the connection. */
    public void finish(ByteBuffer scratch, Duration atMost) throws IOException {
        Libc.shutdown(fd, SHUT_WR);
        long deadline = System.nanoTime() + atMost.toNanos();
        while (true) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                return;
            }
            awaitReadable(Duration.ofNanos(left));
            scratch.clear();
            if (!receive(scratch)) {
                return;
            }
        }
    }

    /** From any thread: what was received can still be read, then comes the end of the stream. */
    public synchronized void shutdownReading() {
        if (!closed) {
            Libc.shutdown(fd, SHUT_RD);
        }
    }

    /** From any thread: every waiting call ends. */
    public synchronized void shutdown() {
        if (!closed) {
            Libc.shutdown(fd, SHUT_RDWR);
        }
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            Libc.close(fd);
        }
    }
}
