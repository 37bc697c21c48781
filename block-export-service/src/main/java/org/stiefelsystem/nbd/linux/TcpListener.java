package org.stiefelsystem.nbd.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.Inet6Address;
import java.net.InetSocketAddress;

/** A listening socket: one thread accepts and in the end closes, any thread may {@link #shutdown() shut down}. */
public final class TcpListener implements AutoCloseable {

    private static final int SOCK_STREAM = 1;
    private static final int SOCK_CLOEXEC = 02000000;
    private static final int SHUT_RDWR = 2;

    private final int fd;
    private final InetSocketAddress address;
    private volatile boolean shutDown;

    private TcpListener(int fd, InetSocketAddress address) {
        this.fd = fd;
        this.address = address;
    }

    /** Listens; an IPv6 link-local address with its scope binds the listener to that interface. */
    public static TcpListener listen(InetSocketAddress wanted, int backlog) throws SystemCallException {
        boolean six = wanted.getAddress() instanceof Inet6Address;
        int fd = Libc.socket(six ? SocketAddress.AF_INET6 : SocketAddress.AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            throw new SystemCallException("socket", wanted.toString(), -fd);
        }
        try (Arena arena = Arena.ofConfined()) {
            TcpSocket.option(fd, TcpSocket.SOL_SOCKET, TcpSocket.SO_REUSEADDR, 1);
            int result = Libc.bind(fd, SocketAddress.encode(wanted, arena));
            if (result < 0) {
                throw new SystemCallException("bind", wanted.toString(), -result);
            }
            result = Libc.listen(fd, backlog);
            if (result < 0) {
                throw new SystemCallException("listen", wanted.toString(), -result);
            }
            MemorySegment name = arena.allocate(SocketAddress.MAX_BYTES, 4);
            MemorySegment length = arena.allocateFrom(JAVA_INT, SocketAddress.MAX_BYTES);
            result = Libc.getsockname(fd, name, length);
            if (result < 0) {
                throw new SystemCallException("getsockname", wanted.toString(), -result);
            }
            return new TcpListener(fd, SocketAddress.decode(name));
        } catch (SystemCallException e) {
            Libc.close(fd);
            throw e;
        }
    }

    /** Where it really listens: the port is the kernel's choice when 0 was asked for. */
    public InetSocketAddress address() {
        return address;
    }

    /** Waits for the next connection; fails with EINVAL after {@link #shutdown()}. */
    public TcpSocket accept() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment name = arena.allocate(SocketAddress.MAX_BYTES, 4);
            while (true) {
                MemorySegment length = arena.allocateFrom(JAVA_INT, SocketAddress.MAX_BYTES);
                int accepted = Libc.accept4(fd, name, length, SOCK_CLOEXEC);
                if (accepted >= 0) {
                    return socket(accepted, name);
                }
                if (accepted != -Errno.EINTR && accepted != -Errno.ECONNABORTED) {
                    throw new SystemCallException("accept4", address.toString(), -accepted);
                }
            }
        }
    }

    private static TcpSocket socket(int accepted, MemorySegment name) {
        try {
            return new TcpSocket(accepted, SocketAddress.decode(name));
        } catch (RuntimeException | OutOfMemoryError e) {
            Libc.close(accepted);
            throw e;
        }
    }

    /** Ends a waiting {@link #accept()}. */
    public void shutdown() {
        shutDown = true;
        Libc.shutdown(fd, SHUT_RDWR);
    }

    public boolean isShutDown() {
        return shutDown;
    }

    @Override
    public void close() {
        Libc.close(fd);
    }
}
