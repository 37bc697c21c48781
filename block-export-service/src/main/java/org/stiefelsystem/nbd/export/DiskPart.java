package org.stiefelsystem.nbd.export;

import org.jspecify.annotations.Nullable;

/** What of a disk is served. */
public sealed interface DiskPart {

    /** The kernel's sectors, which a range must not cut. */
    long SECTOR = 512;

    /** All of it. */
    record Whole() implements DiskPart {}

    /** Some bytes of it; without a size, all up to the end. */
    record Range(long offset, @Nullable Long size) implements DiskPart {}

    /** A partition, by the number that the kernel gives it. */
    record Partition(int number) implements DiskPart {}

    /** As an operator says it, who may say nothing, offset and size, or a partition. */
    static DiskPart of(@Nullable Long offset, @Nullable Long size, @Nullable Integer partition)
            throws RefusedException {
        if (partition != null) {
            if (offset != null || size != null) {
                throw new RefusedException(
                        "A partition has its own offset and size.", "Give a partition, or an offset and a size.");
            }
            if (partition < 1) {
                throw new RefusedException(
                        "%d is no number of a partition.".formatted(partition),
                        "They begin with 1; lsblk and sfdisk -l list them.");
            }
            return new Partition(partition);
        }
        if (offset == null && size == null) {
            return new Whole();
        }
        long from = offset == null ? 0 : offset;
        if (from < 0 || from % SECTOR != 0 || (size != null && (size <= 0 || size % SECTOR != 0))) {
            throw new RefusedException(
                    "A range of %s bytes from byte %d cuts sectors, or is none."
                            .formatted(size == null ? "all" : size, from),
                    "Offset and size are bytes, and multiples of %d.".formatted(SECTOR));
        }
        return new Range(from, size);
    }
}
