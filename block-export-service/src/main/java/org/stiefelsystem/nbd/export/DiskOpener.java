package org.stiefelsystem.nbd.export;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.stiefelsystem.nbd.linux.Errno;
import org.stiefelsystem.nbd.linux.LinuxFile;
import org.stiefelsystem.nbd.linux.OpenFiles;
import org.stiefelsystem.nbd.linux.SystemCallException;

/**
 * Opens what is to be served, after safety rule 1: never serve what is in use. A block device is claimed with O_EXCL,
 * which the kernel's own users respect; files and devices are locked, which QEMU's tools respect.
 */
final class DiskOpener {

    static final String RULE = "rule \"never serve what is in use\"";

    private static final int S_IFMT = 0170000;
    private static final int S_IFREG = 0100000;
    private static final int S_IFBLK = 0060000;
    private static final int S_IFDIR = 0040000;
    private static final int S_IFIFO = 0010000;
    private static final int S_IFSOCK = 0140000;

    /**
     * QEMU's locks (block/file-posix.c): a read lock on byte 100+n says "I use permission n", one on byte 200+n "nobody
     * else may use it". Permission 0 is consistent reading, 1 writing, 3 resizing.
     */
    private static final long[] QEMU_READER = {100, 201, 203};

    /** Somebody writes, somebody resizes, somebody lets nobody read. */
    private static final long[] AGAINST_A_READER = {101, 103, 200};

    /** Where swap space keeps its signature: at the end of its first page. */
    private static final long SWAP_SIGNATURE = 4096 - 10;

    private static final Set<String> HIBERNATED = Set.of("S1SUSPEND", "S2SUSPEND", "ULSUSPEND", "LINHIB0001");

    private DiskOpener() {}

    static Backend open(Path path, boolean readOnly) throws IOException {
        Backend backend = openKind(path, readOnly);
        try {
            checkBytes(path, backend);
            return backend;
        } catch (IOException | RuntimeException e) {
            backend.close();
            throw e;
        }
    }

    private static Backend openKind(Path path, boolean readOnly) throws IOException {
        if (!Files.exists(path)) {
            if (!Files.notExists(path)) {
                throw new RefusedException(
                        "%s may not be looked at by this user.".formatted(path),
                        "Run as root, or as a user who may read its directory.");
            }
            String what = Files.exists(path, LinkOption.NOFOLLOW_LINKS)
                    ? "%s leads to %s, which does not exist.".formatted(path, Files.readSymbolicLink(path))
                    : "%s does not exist.".formatted(path);
            throw new RefusedException(what, "Name the disk or image that is to be served; lsblk lists the disks.");
        }
        int mode = (int) Files.getAttribute(path, "unix:mode") & S_IFMT;
        return switch (mode) {
            case S_IFREG -> openFile(path, readOnly);
            case S_IFBLK -> openDevice(path, readOnly);
            case S_IFDIR ->
                throw new RefusedException(
                        "%s is a directory.".formatted(path), "Name a block device or a disk image.");
            default ->
                throw new RefusedException(
                        "%s is %s, and neither a file nor a block device.".formatted(path, kind(mode)),
                        "Name a block device or a disk image.");
        };
    }

    private static String kind(int mode) {
        return switch (mode) {
            case S_IFIFO -> "a FIFO";
            case S_IFSOCK -> "a socket";
            default -> "a character device";
        };
    }

    private static Backend openFile(Path path, boolean readOnly) throws IOException {
        DiskUsers.refuseFileInUse(path);
        LinuxFile file = openOrExplain(path, readOnly, false);
        try {
            refuseAnotherKind(file, S_IFREG);
            lock(file, readOnly, "End that program, or serve a copy of the file.");
            return new FileBackend(file);
        } catch (IOException e) {
            file.close();
            throw e;
        }
    }

    private static void lock(LinuxFile disk, boolean readOnly, String remedy) throws IOException {
        if (!(readOnly ? tryLockAsReader(disk) : disk.tryLockForWriting())) {
            throw new RefusedException(
                    "%s is not served: it is locked by %s (%s).".formatted(disk.path(), users(disk.path()), RULE),
                    remedy);
        }
    }

    /** QEMU's locks are all read locks, so that only a look tells whether somebody's contradict ours. */
    private static boolean tryLockAsReader(LinuxFile disk) throws IOException {
        for (long offset : QEMU_READER) {
            if (!disk.tryLockByteForReading(offset)) {
                return false;
            }
        }
        for (long offset : AGAINST_A_READER) {
            if (!disk.byteIsUnlocked(offset)) {
                return false;
            }
        }
        return true;
    }

    private static Backend openDevice(Path path, boolean readOnly) throws IOException {
        DiskUsers.refuseDeviceInUse(path);
        LinuxFile device = openOrExplain(path, readOnly, true);
        try {
            refuseAnotherKind(device, S_IFBLK);
            lock(device, readOnly, "End that program first.");
            return new BlockDeviceBackend(device);
        } catch (IOException e) {
            device.close();
            throw e;
        }
    }

    /** The path may have changed hands between the look and the open. */
    private static void refuseAnotherKind(LinuxFile file, int kind) throws IOException {
        if (((int) Files.getAttribute(file.magicLink(), "unix:mode") & S_IFMT) != kind) {
            throw new RefusedException(
                    "%s was replaced while it was being opened.".formatted(file.path()), "Try again.");
        }
    }

    private static LinuxFile openOrExplain(Path path, boolean readOnly, boolean exclusive) throws IOException {
        try {
            return LinuxFile.open(path, readOnly, exclusive);
        } catch (SystemCallException e) {
            throw switch (e.errno()) {
                case Errno.EACCES, Errno.EPERM ->
                    new RefusedException(
                            "%s may not be opened for %s by this user."
                                    .formatted(path, readOnly ? "reading" : "writing"),
                            "Run as root, or as a user who may"
                                    + (readOnly ? "." : "; for reading alone, serve it read-only."));
                case Errno.EROFS ->
                    new RefusedException(
                            "%s is write-protected, or on a file system that is mounted read-only.".formatted(path),
                            "Serve it read-only.");
                case Errno.EBUSY ->
                    new RefusedException(
                            "%s is not served: it is held by %s (%s).".formatted(path, users(path), RULE),
                            "End that use first; lsblk %s shows what lies on it.".formatted(path));
                case Errno.ENOMEDIUM ->
                    new RefusedException("%s has no medium in it.".formatted(path), "Insert it, or name another disk.");
                default ->
                    new RefusedException(
                            "%s cannot be opened: %s.".formatted(path, e.getMessage()),
                            "Look at the kernel's log (dmesg) for the disk.");
            };
        }
    }

    /** Who has it open, for a person. This server itself does not: it opens a disk once, for all its exports. */
    private static String users(Path path) {
        long self = ProcessHandle.current().pid();
        List<OpenFiles.Holder> others = OpenFiles.holdersOf(path).stream()
                .filter(holder -> holder.pid() != self)
                .toList();
        return others.isEmpty()
                ? "another program"
                : others.stream().map(OpenFiles.Holder::toString).collect(Collectors.joining(", "));
    }

    static void checkBytes(Path path, Backend disk) throws IOException {
        if (disk.size() == 0) {
            throw new RefusedException("%s is empty.".formatted(path), "Name a disk, or an image with a size.");
        }
        PartitionTable table;
        try {
            table = PartitionTable.read(disk);
            for (PartitionTable.Partition partition : table.partitions()) {
                refuseHibernated(path, disk, partition.start());
            }
            refuseHibernated(path, disk, 0);
        } catch (SystemCallException e) {
            throw new RefusedException(
                    "%s cannot be read: %s.".formatted(path, e.getMessage()),
                    "The disk may be failing: copy it with ddrescue before anything else.");
        }
        if (table.neededSize() > disk.size()) {
            throw new RefusedException(
                    "%s has %d bytes, but its %s needs %s: it was cut off, or is still being copied."
                            .formatted(
                                    path,
                                    disk.size(),
                                    table.kind(),
                                    table.neededSize() == Long.MAX_VALUE ? "far more" : table.neededSize()),
                    "Copy it again, or mend its table with sgdisk -e or sfdisk.");
        }
    }

    private static void refuseHibernated(Path path, Backend disk, long partition) throws IOException {
        if (partition < 0 || disk.size() < 4096 || partition > disk.size() - 4096) {
            return;
        }
        ByteBuffer bytes = ByteBuffer.allocateDirect(10);
        disk.read(bytes, partition + SWAP_SIGNATURE);
        String signature =
                StandardCharsets.ISO_8859_1.decode(bytes.flip()).toString().replace("\0", "");
        if (HIBERNATED.contains(signature)) {
            throw new RefusedException(
                    "%s is not served: its system is hibernated in the swap space at byte %d (%s)."
                            .formatted(path, partition, RULE),
                    "Start that system and shut it down, or give the hibernated state up with mkswap.");
        }
    }
}
