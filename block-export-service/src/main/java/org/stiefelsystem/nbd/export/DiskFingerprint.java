package org.stiefelsystem.nbd.export;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.stiefelsystem.nbd.linux.LinuxFile;

/**
 * What a guest that comes back to a disk must find unchanged.
 *
 * @param identity which disk it is, or which bytes of one, and how many
 * @param writes changes with every write, whoever makes it; for a block device only within one run of the machine.
 *     Empty where the kernel tells nothing
 */
record DiskFingerprint(String identity, String writes) {

    private static final int S_IFMT = 0170000;
    private static final int S_IFBLK = 0060000;

    private static final Pattern BYTES = Pattern.compile("(.*) of (\\d{1,18}) bytes(?: from (\\d{1,18}))?");

    /** Of these bytes of the disk. */
    static DiskFingerprint of(LinuxFile disk, long offset, long size) throws IOException {
        Path open = disk.magicLink();
        Map<String, Object> found = Files.readAttributes(open, "unix:mode,dev,ino,rdev");
        if (((int) value(found, "mode") & S_IFMT) == S_IFBLK) {
            long rdev = value(found, "rdev");
            // makedev(3): the kernel's 12 and 20 bits, spread over 64
            long major = ((rdev >> 8) & 0xfff) | ((rdev >> 32) & ~0xfffL);
            long minor = (rdev & 0xff) | ((rdev >> 12) & ~0xffL);
            Path known = Path.of("/sys/dev/block/%d:%d".formatted(major, minor));
            return new DiskFingerprint(
                    identityOfDevice(known, "device %d:%d".formatted(major, minor), offset, size),
                    writesOfDevice(known.resolve("stat")));
        }
        FileTime modified = Files.getLastModifiedTime(open);
        return new DiskFingerprint(
                bytes("file %x:%d".formatted(value(found, "dev"), value(found, "ino")), offset, size),
                "modified " + modified.to(TimeUnit.NANOSECONDS));
    }

    private static String bytes(String of, long offset, long size) {
        return "%s of %d bytes".formatted(of, size) + (offset == 0 ? "" : " from %d".formatted(offset));
    }

    /** Bytes have one identity: those of a partition are its disk's, those of a loop device its file's. */
    private static String identityOfDevice(Path known, String name, long offset, long size) throws IOException {
        if (Files.exists(known.resolve("partition"))) {
            String disk =
                    Files.readString(known.toRealPath().resolveSibling("dev")).strip();
            long start = Long.parseLong(Files.readString(known.resolve("start")).strip()) * 512;
            return identityOfDevice(Path.of("/sys/dev/block", disk), "device " + disk, start + offset, size);
        }
        Path loop = known.resolve("loop");
        if (Files.exists(loop.resolve("backing_file"))) {
            Path file = Path.of(Files.readString(loop.resolve("backing_file")).stripTrailing());
            long start = Long.parseLong(Files.readString(loop.resolve("offset")).strip());
            if (Files.isRegularFile(file)) {
                Map<String, Object> found = Files.readAttributes(file, "unix:dev,ino");
                return bytes("file %x:%d".formatted(value(found, "dev"), value(found, "ino")), start + offset, size);
            }
        }
        return bytes(name, offset, size);
    }

    /** Memory is another disk after each start. */
    static DiskFingerprint ofMemory() {
        return new DiskFingerprint("memory " + UUID.randomUUID(), "");
    }

    /** Documentation/block/stat.rst: write I/Os are field 5, sectors written 7; discards 12 and 14. */
    private static String writesOfDevice(Path stat) {
        try {
            List<String> fields = List.of(Files.readString(stat).strip().split("\\s+"));
            return fields.size() < 14
                    ? ""
                    : "written %s %s %s %s".formatted(fields.get(4), fields.get(6), fields.get(11), fields.get(13));
        } catch (IOException e) {
            return "";
        }
    }

    private static long value(Map<String, Object> found, String name) {
        return ((Number) Objects.requireNonNull(found.get(name))).longValue();
    }

    /** Whether some bytes are of both. */
    boolean overlaps(DiskFingerprint other) {
        Matcher mine = BYTES.matcher(identity);
        Matcher others = BYTES.matcher(other.identity);
        if (!mine.matches() || !others.matches()) {
            return identity.equals(other.identity);
        }
        return mine.group(1).equals(others.group(1))
                && start(mine) < start(others) + size(others)
                && start(others) < start(mine) + size(mine);
    }

    private static long start(Matcher bytes) {
        return bytes.group(3) == null ? 0 : Long.parseLong(bytes.group(3));
    }

    private static long size(Matcher bytes) {
        return Long.parseLong(bytes.group(2));
    }

    /** Whether a disk that was left as {@code this} was written to until it was found as {@code later}. */
    boolean wasWrittenUntil(DiskFingerprint later) {
        return !writes.isEmpty() && !later.writes.isEmpty() && !writes.equals(later.writes);
    }
}
