package org.stiefelsystem.nbd.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;

/**
 * The raw calls. Each method is one call and returns what libc returned, with {@code -errno} instead of -1; EINTR is
 * for the caller, who knows what to repeat.
 */
final class Libc {

    private static final Linker LINKER = Linker.nativeLinker();
    private static final StructLayout CAPTURE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = CAPTURE.varHandle(PathElement.groupElement("errno"));

    /** Where the linker leaves errno: one for each thread, as errno itself. */
    private static final ThreadLocal<MemorySegment> CAPTURED =
            ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(CAPTURE));

    private static final MethodHandle OPEN = variadic("open", 2, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT);
    private static final MethodHandle CLOSE = fixed("close", JAVA_INT, JAVA_INT);
    private static final MethodHandle PREAD = fixed("pread", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle PWRITE = fixed("pwrite", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle FDATASYNC = fixed("fdatasync", JAVA_INT, JAVA_INT);
    private static final MethodHandle FALLOCATE =
            fixed("fallocate", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle LSEEK = fixed("lseek", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT);
    private static final MethodHandle POSIX_FADVISE =
            fixed("posix_fadvise", JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);
    private static final MethodHandle FCNTL = variadic("fcntl", 2, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS);
    private static final MethodHandle IOCTL = variadic("ioctl", 2, JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS);
    private static final MethodHandle SOCKET = fixed("socket", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT);
    private static final MethodHandle BIND = fixed("bind", JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT);
    private static final MethodHandle LISTEN = fixed("listen", JAVA_INT, JAVA_INT, JAVA_INT);
    private static final MethodHandle ACCEPT4 = fixed("accept4", JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, JAVA_INT);
    private static final MethodHandle GETSOCKNAME = fixed("getsockname", JAVA_INT, JAVA_INT, ADDRESS, ADDRESS);
    private static final MethodHandle SETSOCKOPT =
            fixed("setsockopt", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT);
    private static final MethodHandle SHUTDOWN = fixed("shutdown", JAVA_INT, JAVA_INT, JAVA_INT);
    private static final MethodHandle POLL = fixed("poll", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
    private static final MethodHandle RECV = fixed("recv", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);
    private static final MethodHandle SEND = fixed("send", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);
    private static final MethodHandle SENDFILE = fixed("sendfile", JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);

    private Libc() {}

    static int open(MemorySegment path, int flags, int mode) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno((int) OPEN.invokeExact(captured, path, flags, mode), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    static int close(int fd) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno((int) CLOSE.invokeExact(captured, fd), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    static long pread(int fd, long address, long length, long offset) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno((long) PREAD.invokeExact(captured, fd, address, length, offset), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    static long pwrite(int fd, long address, long length, long offset) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno((long) PWRITE.invokeExact(captured, fd, address, length, offset), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    static int fdatasync(int fd) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno((int) FDATASYNC.invokeExact(captured, fd), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    static int fallocate(int fd, int mode, long offset, long length) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno((int) FALLOCATE.invokeExact(captured, fd, mode, offset, length), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    static long lseek(int fd, long offset, int whence) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno((long) LSEEK.invokeExact(captured, fd, offset, whence), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    /** Unlike all others it returns the error's number and leaves errno alone. */
    static int posixFadvise(int fd, long offset, long length, int advice) {
        try {
            return -(int) POSIX_FADVISE.invokeExact(CAPTURED.get(), fd, offset, length, advice);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    static int fcntl(int fd, int command, MemorySegment argument) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno((int) FCNTL.invokeExact(captured, fd, command, argument), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    static int ioctl(int fd, long request, MemorySegment argument) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno((int) IOCTL.invokeExact(captured, fd, request, argument), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    static int socket(int domain, int type, int protocol) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno((int) SOCKET.invokeExact(captured, domain, type, protocol), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    static int bind(int fd, MemorySegment address) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno((int) BIND.invokeExact(captured, fd, address, (int) address.byteSize()), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    static int listen(int fd, int backlog) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno((int) LISTEN.invokeExact(captured, fd, backlog), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    static int accept4(int fd, MemorySegment address, MemorySegment length, int flags) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno((int) ACCEPT4.invokeExact(captured, fd, address, length, flags), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    static int getsockname(int fd, MemorySegment address, MemorySegment length) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno((int) GETSOCKNAME.invokeExact(captured, fd, address, length), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    static int setsockopt(int fd, int level, int option, MemorySegment value) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno(
                    (int) SETSOCKOPT.invokeExact(captured, fd, level, option, value, (int) value.byteSize()), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    static int shutdown(int fd, int how) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno((int) SHUTDOWN.invokeExact(captured, fd, how), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    static int poll(MemorySegment pollfds, long count, int timeoutMillis) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno((int) POLL.invokeExact(captured, pollfds, count, timeoutMillis), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    static long recv(int fd, long address, long length, int flags) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno((long) RECV.invokeExact(captured, fd, address, length, flags), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    static long send(int fd, long address, long length, int flags) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno((long) SEND.invokeExact(captured, fd, address, length, flags), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    static long sendfile(int out, int in, long offsetAddress, long length) {
        try {
            MemorySegment captured = CAPTURED.get();
            return orErrno((long) SENDFILE.invokeExact(captured, out, in, offsetAddress, length), captured);
        } catch (Throwable e) {
            throw impossible(e);
        }
    }

    /** The address of the buffer's position; the caller keeps the buffer reachable during the call. */
    static long address(ByteBuffer direct) {
        if (!direct.isDirect()) {
            throw new IllegalArgumentException("a system call needs a direct buffer");
        }
        return MemorySegment.ofBuffer(direct).address();
    }

    private static MethodHandle fixed(String name, MemoryLayout result, MemoryLayout... arguments) {
        return LINKER.downcallHandle(
                LINKER.defaultLookup().findOrThrow(name),
                FunctionDescriptor.of(result, arguments),
                Linker.Option.captureCallState("errno"));
    }

    private static MethodHandle variadic(String name, int firstVariadic, MemoryLayout result, MemoryLayout... args) {
        return LINKER.downcallHandle(
                LINKER.defaultLookup().findOrThrow(name),
                FunctionDescriptor.of(result, args),
                Linker.Option.captureCallState("errno"),
                Linker.Option.firstVariadicArg(firstVariadic));
    }

    private static int orErrno(int result, MemorySegment captured) {
        return result < 0 ? -(int) ERRNO.get(captured, 0L) : result;
    }

    private static long orErrno(long result, MemorySegment captured) {
        return result < 0 ? -(int) ERRNO.get(captured, 0L) : result;
    }

    /** A downcall declares Throwable and throws nothing but errors of the JVM itself. */
    private static RuntimeException impossible(Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return new IllegalStateException("a system call could not be made", e);
    }
}
