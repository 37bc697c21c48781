package org.stiefelsystem.nbd.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * An open file or block device. Safe for many threads at once, except that {@link #close()} must come after all of
 * them are done: a descriptor's number is soon another file's.
 */
public final class LinuxFile implements AutoCloseable {

    private static final int O_RDWR = 2;
    private static final int O_EXCL = 0200;
    private static final int O_NONBLOCK = 04000;
    private static final int O_CLOEXEC = 02000000;
    private static final int SEEK_END = 2;
    private static final int SEEK_DATA = 3;
    private static final int SEEK_HOLE = 4;
    private static final int POSIX_FADV_WILLNEED = 3;
    private static final int F_OFD_GETLK = 36;
    private static final int F_OFD_SETLK = 37;
    private static final short F_RDLCK = 0;
    private static final short F_WRLCK = 1;
    private static final short F_UNLCK = 2;
    private static final int FALLOC_FL_KEEP_SIZE = 1;
    private static final int FALLOC_FL_PUNCH_HOLE = 2;
    private static final int FALLOC_FL_ZERO_RANGE = 16;
    private static final long BLKDISCARD = 0x1277;
    private static final long BLKSSZGET = 0x1268;
    private static final long BLKIOOPT = 0x1279;
    private static final long BLKPBSZGET = 0x127b;

    /** The kernel reads no more at one advice than the device's largest request. */
    private static final int ADVICE_BYTES = 128 << 10;

    private final Path path;
    private final int fd;

    /** Where offset 0 is. */
    private final long origin;

    private boolean closed;

    private LinuxFile(Path path, int fd, long origin) {
        this.path = path;
        this.fd = fd;
        this.origin = origin;
    }

    /** The same open file, whose offset 0 is {@code offset} of this one, which alone is to be closed. */
    public LinuxFile from(long offset) {
        return offset == 0 ? this : new LinuxFile(path, fd, origin + offset);
    }

    /**
     * Opens. Exclusively is for block devices: with O_NONBLOCK one without a medium would open. All else is opened so
     * that a FIFO does not block, for what is no file or disk is refused only after it was opened.
     */
    public static LinuxFile open(Path path, boolean readOnly, boolean exclusive) throws SystemCallException {
        int flags = O_CLOEXEC | (readOnly ? 0 : O_RDWR) | (exclusive ? O_EXCL : O_NONBLOCK);
        try (Arena arena = Arena.ofConfined()) {
            int fd = Libc.open(arena.allocateFrom(path.toString()), flags, 0);
            if (fd < 0) {
                throw new SystemCallException("open", "%s, 0%o".formatted(path, flags), -fd);
            }
            return new LinuxFile(path, fd, 0);
        }
    }

    public Path path() {
        return path;
    }

    /** Leads to the open file itself, whatever its path leads to by now. */
    public Path magicLink() {
        return Path.of("/proc/self/fd/" + fd);
    }

    int fd() {
        return fd;
    }

    long origin() {
        return origin;
    }

    /** The size of a file, or of a block device, from its own first byte on. */
    public long size() throws SystemCallException {
        long size = Libc.lseek(fd, 0, SEEK_END);
        if (size < 0) {
            throw failed("lseek", "0, SEEK_END", (int) -size);
        }
        return size;
    }

    /** Fills the buffer from {@code offset} on. */
    public void read(ByteBuffer into, long offset) throws IOException {
        long address = Libc.address(into);
        int length = into.remaining();
        int done = 0;
        try {
            while (done < length) {
                long n = Libc.pread(fd, address + done, length - done, origin + offset + done);
                if (n == 0) {
                    throw new EOFException("%s ends at %d".formatted(path, offset + done));
                }
                if (n > 0) {
                    done += (int) n;
                } else if (n != -Errno.EINTR) {
                    throw failed("pread", "%d, %d".formatted(length - done, offset + done), (int) -n);
                }
            }
        } finally {
            Reference.reachabilityFence(into);
        }
        into.position(into.limit());
    }

    /** Writes all of the buffer to {@code offset} and behind. */
    public void write(ByteBuffer from, long offset) throws IOException {
        long address = Libc.address(from);
        int length = from.remaining();
        int done = 0;
        try {
            while (done < length) {
                long n = Libc.pwrite(fd, address + done, length - done, origin + offset + done);
                if (n >= 0) {
                    done += (int) n;
                } else if (n != -Errno.EINTR) {
                    throw failed("pwrite", "%d, %d".formatted(length - done, offset + done), (int) -n);
                }
            }
        } finally {
            Reference.reachabilityFence(from);
        }
        from.position(from.limit());
    }

    /** Returns when all that was ever written to this file, by whom ever, is on stable storage. */
    public void sync() throws SystemCallException {
        int result;
        do {
            result = Libc.fdatasync(fd);
        } while (result == -Errno.EINTR);
        if (result < 0) {
            throw failed("fdatasync", "", -result);
        }
    }

    /** Zeroes by a hole; false when the file system or device cannot. */
    public boolean punchHole(long offset, long length) throws SystemCallException {
        return allocate(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, offset, length);
    }

    /** Zeroes and keeps the space; false when the file system or device cannot. */
    public boolean zeroRange(long offset, long length) throws SystemCallException {
        return allocate(FALLOC_FL_KEEP_SIZE | FALLOC_FL_ZERO_RANGE, offset, length);
    }

    private boolean allocate(int mode, long offset, long length) throws SystemCallException {
        int result;
        do {
            result = Libc.fallocate(fd, mode, origin + offset, length);
        } while (result == -Errno.EINTR);
        if (result == -Errno.EOPNOTSUPP) {
            return false;
        }
        if (result < 0) {
            throw failed("fallocate", "%d, %d, %d".formatted(mode, offset, length), -result);
        }
        return true;
    }

    /** BLKDISCARD: tells a device that nobody needs this range; false when it does not care. */
    public boolean discard(long offset, long length) throws SystemCallException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment range = arena.allocateFrom(JAVA_LONG, origin + offset, length);
            int result = Libc.ioctl(fd, BLKDISCARD, range);
            if (result == -Errno.EOPNOTSUPP) {
                return false;
            }
            if (result < 0) {
                throw failed("ioctl", "BLKDISCARD, %d, %d".formatted(offset, length), -result);
            }
            return true;
        }
    }

    /**
     * Where the first byte at or behind {@code offset} lies that is not in a hole, at most {@code end}. What is not
     * known is no hole: so it is on file systems that tell nothing, and behind the end of a file that was cut off.
     */
    public long nextData(long offset, long end) {
        long data = Libc.lseek(fd, origin + offset, SEEK_DATA);
        if (data >= 0) {
            return Math.min(data - origin, end);
        }
        if (data != -Errno.ENXIO) {
            return offset;
        }
        long size = Libc.lseek(fd, 0, SEEK_END) - origin;
        return size < end ? Math.max(offset, size) : end;
    }

    /** Where the first hole at or behind {@code offset} begins, at most {@code end}. */
    public long nextHole(long offset, long end) {
        long hole = Libc.lseek(fd, origin + offset, SEEK_HOLE);
        return hole < 0 ? end : Math.min(hole - origin, end);
    }

    /** Has the kernel begin to read a range that will soon be wanted. */
    public void willNeed(long offset, long length) throws SystemCallException {
        for (long done = 0; done < length; done += ADVICE_BYTES) {
            long piece = Math.min(ADVICE_BYTES, length - done);
            int result = Libc.posixFadvise(fd, origin + offset + done, piece, POSIX_FADV_WILLNEED);
            if (result < 0) {
                throw failed("posix_fadvise", "%d, %d, WILLNEED".formatted(offset + done, piece), -result);
            }
        }
    }

    /** The smallest unit in which a block device can be addressed. */
    public int logicalBlockBytes() throws SystemCallException {
        return blockDeviceNumber(BLKSSZGET, "BLKSSZGET");
    }

    /** The smallest unit that a block device writes without reading before. */
    public int physicalBlockBytes() throws SystemCallException {
        return blockDeviceNumber(BLKPBSZGET, "BLKPBSZGET");
    }

    /** What a block device likes best; 0 when it does not care. */
    public int optimalBlockBytes() throws SystemCallException {
        return blockDeviceNumber(BLKIOOPT, "BLKIOOPT");
    }

    private int blockDeviceNumber(long request, String name) throws SystemCallException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(JAVA_INT);
            int result = Libc.ioctl(fd, request, number);
            if (result < 0) {
                throw failed("ioctl", name, -result);
            }
            return number.get(JAVA_INT, 0);
        }
    }

    /** Locks the whole file against every other open file description; false when somebody holds a part of it. */
    public boolean tryLockForWriting() throws SystemCallException {
        return tryLock(F_WRLCK, 0, 0);
    }

    /** Locks one byte, shared with other readers. */
    public boolean tryLockByteForReading(long offset) throws SystemCallException {
        return tryLock(F_RDLCK, offset, 1);
    }

    /** Whether no other open file description has this byte locked, be it only for reading. */
    public boolean byteIsUnlocked(long offset) throws SystemCallException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment flock = flock(arena, F_WRLCK, offset, 1);
            int result = Libc.fcntl(fd, F_OFD_GETLK, flock);
            if (result < 0) {
                throw failed("fcntl", "F_OFD_GETLK, %d".formatted(offset), -result);
            }
            return flock.get(JAVA_SHORT, 0) == F_UNLCK;
        }
    }

    /** {@code struct flock}: short type, short whence, 4 bytes nothing, long start, long length, int pid (0). */
    private static MemorySegment flock(Arena arena, short type, long start, long length) {
        MemorySegment flock = arena.allocate(32, 8);
        flock.set(JAVA_SHORT, 0, type);
        flock.set(JAVA_LONG, 8, start);
        flock.set(JAVA_LONG, 16, length);
        return flock;
    }

    private boolean tryLock(short type, long start, long length) throws SystemCallException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment flock = flock(arena, type, start, length);
            int result = Libc.fcntl(fd, F_OFD_SETLK, flock);
            if (result == -Errno.EAGAIN || result == -Errno.EACCES) {
                return false;
            }
            if (result < 0) {
                throw failed("fcntl", "F_OFD_SETLK, type %d, %d, %d".formatted(type, start, length), -result);
            }
            return true;
        }
    }

    /** Closes; also releases the locks and the exclusive claim. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            Libc.close(fd);
        }
    }

    private SystemCallException failed(String call, String arguments, int errno) {
        return new SystemCallException(call, arguments.isEmpty() ? path.toString() : path + ", " + arguments, errno);
    }
}
