package org.stiefelsystem.nbd.export;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.nbd.linux.LinuxFile;

/**
 * An open file or device, for all exports of this process that are parts of it. The kernel gives O_EXCL once, and tells of
 * a lost write once: so there is one descriptor, one set of locks and one memory of a failed sync. Parts may share bytes
 * only when all of them are read-only.
 */
final class SharedDisk {

    /** By what they are, and not by their paths. */
    private static final Map<String, SharedDisk> OPEN = new ConcurrentHashMap<>();

    /** One disk is opened at a time; those that are open have locks of their own, for one that hangs must not keep them. */
    private static final Object OPENING = new Object();

    private static final int S_IFMT = 0170000;
    private static final int S_IFBLK = 0060000;

    private final String key;
    private final Path path;
    private final boolean readOnly;
    private final LinuxFile file;
    private final Backend backend;
    private final List<Claim> claims = new ArrayList<>();

    private SharedDisk(Path path, boolean readOnly, Backend opened) throws IOException {
        this.path = path;
        this.readOnly = readOnly;
        this.file = Objects.requireNonNull(opened.file());
        this.backend = new StickySyncBackend(opened);
        this.key = key(file.magicLink());
    }

    private record Place(long offset, long size) {

        boolean overlaps(RangeBackend other) {
            return offset < other.offset() + other.size() && other.offset() < offset + size;
        }

        boolean contains(RangeBackend other) {
            return offset == other.offset() && size >= other.size();
        }
    }

    /** One export's part of a disk, until its {@link #range()} is closed. */
    static final class Claim {

        private final SharedDisk disk;
        private final String export;
        private final boolean readOnly;
        private final DiskPart part;
        private final RangeBackend range;

        private Claim(SharedDisk disk, String export, boolean readOnly, DiskPart part, Place place) {
            this.disk = disk;
            this.export = export;
            this.readOnly = readOnly;
            this.part = part;
            this.range = new RangeBackend(disk.backend, place.offset, place.size, this::release);
        }

        RangeBackend range() {
            return range;
        }

        DiskPart part() {
            return part;
        }

        /** What was opened, whatever its name leads to by now. */
        Path opened() throws IOException {
            return disk.file.magicLink().toRealPath();
        }

        /** How many bytes are missing at the end of the range; asks the kernel, which does not ask the disk. */
        long missing() throws IOException {
            return Math.max(0, range.offset() + range.size() - disk.file.size());
        }

        /** Takes on the size that the file, device or partition has by now. */
        void grow() throws IOException {
            synchronized (disk) {
                Place now = disk.place(part);
                if (!now.contains(range)) {
                    throw new RefusedException(
                            "%s: the %d bytes from byte %d are not those of export %s any more."
                                    .formatted(disk.path, range.size(), range.offset(), export),
                            "Remove the export before its partition is changed; then add it again.");
                }
                disk.refuseOverlap(now, readOnly, this);
                range.grow(now.size);
            }
        }

        private void release() {
            synchronized (disk) {
                if (disk.claims.remove(this) && disk.claims.isEmpty()) {
                    OPEN.remove(disk.key, disk);
                    disk.backend.close();
                }
            }
        }
    }

    /** Opens a disk or joins those who have it open. */
    static Claim open(String export, Path path, boolean readOnly, DiskPart part) throws IOException {
        synchronized (OPENING) {
            SharedDisk open = Files.exists(path) ? OPEN.get(key(path)) : null;
            Optional<Claim> joined = open == null ? Optional.empty() : open.join(export, readOnly, part);
            if (joined.isPresent()) {
                return joined.get();
            }
            SharedDisk disk = new SharedDisk(path, readOnly, DiskOpener.open(path, readOnly));
            boolean claimed = false;
            try {
                Claim claim = disk.claim(export, readOnly, part);
                OPEN.put(disk.key, disk);
                claimed = true;
                return claim;
            } finally {
                if (!claimed) {
                    disk.backend.close();
                }
            }
        }
    }

    /** Empty when its last part was let go of meanwhile. */
    private synchronized Optional<Claim> join(String export, boolean reader, DiskPart part) throws IOException {
        if (claims.isEmpty()) {
            return Optional.empty();
        }
        DiskOpener.checkBytes(path, whole());
        if (readOnly && !reader) {
            throw new RefusedException(
                    "%s is open for reading alone, by export %s of this server."
                            .formatted(path, claims.getFirst().export),
                    "Serve the writable part first: remove that export, and add it again after this one.");
        }
        return Optional.of(claim(export, reader, part));
    }

    private synchronized Claim claim(String export, boolean reader, DiskPart part) throws IOException {
        Place place = place(part);
        refuseOverlap(place, reader, null);
        Claim claim = new Claim(this, export, reader, part, place);
        claims.add(claim);
        return claim;
    }

    private static String key(Path path) throws IOException {
        Map<String, Object> found = Files.readAttributes(path, "unix:mode,dev,ino,rdev");
        return ((int) Objects.requireNonNull(found.get("mode")) & S_IFMT) == S_IFBLK
                ? "device %s".formatted(found.get("rdev"))
                : "file %s %s".formatted(found.get("dev"), found.get("ino"));
    }

    /** With the size that it has by now. */
    private Backend whole() throws IOException {
        return new RangeBackend(backend, 0, file.size(), () -> {});
    }

    private void refuseOverlap(Place place, boolean reader, @Nullable Claim self) throws RefusedException {
        for (Claim other : claims) {
            if (!other.equals(self) && place.overlaps(other.range) && !(reader && other.readOnly)) {
                throw new RefusedException(
                        "%s is not served: export %s of this server has %s (%s)."
                                .formatted(
                                        path,
                                        other.export,
                                        other.part instanceof DiskPart.Whole ? "it" : "some of these bytes",
                                        DiskOpener.RULE),
                        "Remove that export first (stiefelctl exports remove %s), or serve other bytes."
                                .formatted(other.export));
            }
        }
    }

    private Place place(DiskPart part) throws IOException {
        long size = file.size();
        Place place = switch (part) {
            case DiskPart.Whole whole -> new Place(0, size);
            case DiskPart.Range range ->
                new Place(range.offset(), range.size() == null ? Math.max(0, size - range.offset()) : range.size());
            case DiskPart.Partition partition -> partition(partition.number());
        };
        if (place.size <= 0 || place.size > size || place.offset > size - place.size) {
            throw new RefusedException(
                    "%s has %d bytes, and not %d from byte %d on.".formatted(path, size, place.size, place.offset),
                    "Name a range inside the disk; lsblk -b and sfdisk -l tell sizes.");
        }
        return place;
    }

    private Place partition(int number) throws IOException {
        PartitionTable table = PartitionTable.readAsLinuxDoes(whole())
                .orElseThrow(() -> new RefusedException(
                        "%s has a damaged GPT, by which Linux knows no partitions.".formatted(path),
                        "Mend it from its backup (gdisk can), or serve the whole disk."));
        Optional<PartitionTable.Partition> found = table.partitions().stream()
                .filter(partition -> partition.number() == number)
                .findFirst();
        if (found.isEmpty()) {
            throw new RefusedException(
                    "%s has no partition %d: %s.".formatted(path, number, words(table)),
                    "sfdisk -l %s lists them.".formatted(path));
        }
        return new Place(found.get().start(), found.get().size());
    }

    private static String words(PartitionTable table) {
        List<String> numbers = table.partitions().stream()
                .map(partition -> String.valueOf(partition.number()))
                .limit(16)
                .toList();
        return numbers.isEmpty() ? "it has none" : "its %s has %s".formatted(table.kind(), String.join(", ", numbers));
    }
}
