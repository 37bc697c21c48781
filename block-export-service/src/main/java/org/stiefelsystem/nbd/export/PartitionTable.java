package org.stiefelsystem.nbd.export;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32;

/**
 * Where a disk's partitions lie, and how large its table says the disk must be at least. GPT with 512 or 4096 byte
 * sectors (UEFI specification, 5.3), by its backup header where the first is damaged, or an MBR with its logical
 * partitions; a disk without either has no partitions and needs no size.
 */
record PartitionTable(String kind, long neededSize, List<Partition> partitions) {

    private static final PartitionTable NONE = new PartitionTable("no partition table", 0, List.of());
    private static final byte[] EFI_PART = "EFI PART".getBytes(StandardCharsets.US_ASCII);
    private static final int GPT_HEADER_BYTES = 92;
    private static final int GPT_HEADER_CRC = 16;
    private static final int MAX_ENTRIES = 1024;
    private static final int MAX_ENTRY_BYTES = 1024;
    private static final int MBR_ENTRIES = 446;
    private static final int PROTECTIVE = 0xee;
    private static final int MAX_LOGICAL_PARTITIONS = 128;
    private static final int FIRST_LOGICAL = 5;

    PartitionTable {
        partitions = List.copyOf(partitions);
    }

    /** Numbered as the kernel numbers them; in bytes. An extended partition is none, those inside it are. */
    record Partition(int number, long start, long size) {}

    static PartitionTable read(Backend disk) throws IOException {
        if (disk.size() < 512) {
            return NONE;
        }
        ByteBuffer first = bytes(disk, 0, 512);
        for (int sector : new int[] {512, 4096}) {
            if (disk.size() >= 2L * sector) {
                ByteBuffer header = bytes(disk, sector, 512);
                ByteBuffer backup = bytes(disk, disk.size() / sector * sector - sector, 512);
                boolean damaged = isGpt(header) ? !isWhole(header) && isWhole(backup) : mayBeGpt(first);
                if (isGpt(backup) && damaged) {
                    return gpt(disk, backup, sector);
                }
                if (isGpt(header)) {
                    return gpt(disk, header, sector);
                }
            }
        }
        return mbr(disk, first);
    }

    /**
     * The table that Linux goes by: a GPT counts only behind a protective MBR (UEFI specification, 5.2.3), when its checksum and its
     * entries' are right; the backup only with a kernel parameter. Empty where the GPT is damaged.
     */
    static Optional<PartitionTable> readAsLinuxDoes(Backend disk) throws IOException {
        if (disk.size() < 512) {
            return Optional.of(NONE);
        }
        ByteBuffer first = bytes(disk, 0, 512);
        if (first.getShort(510) != (short) 0xaa55 || !isProtective(first)) {
            return Optional.of(mbr(disk, first));
        }
        for (int sector : new int[] {512, 4096}) {
            if (disk.size() >= 2L * sector) {
                ByteBuffer header = bytes(disk, sector, 512);
                if (isWhole(header) && hasWholeEntries(disk, header, sector)) {
                    return Optional.of(gpt(disk, header, sector));
                }
            }
        }
        return Optional.empty();
    }

    /** Offset 88 is the checksum of the entries. */
    private static boolean hasWholeEntries(Backend disk, ByteBuffer header, int sector) throws IOException {
        long length = Integer.toUnsignedLong(header.getInt(80)) * Integer.toUnsignedLong(header.getInt(84));
        long table = endOf(header.getLong(72), sector) - sector;
        if (length <= 0 || length > (long) MAX_ENTRIES * MAX_ENTRY_BYTES || table > disk.size() - length) {
            return false;
        }
        CRC32 sum = new CRC32();
        sum.update(bytes(disk, table, (int) length));
        return (int) sum.getValue() == header.getInt(88);
    }

    private static boolean isGpt(ByteBuffer header) {
        byte[] signature = new byte[8];
        header.get(0, signature);
        return Arrays.equals(signature, EFI_PART);
    }

    /** Offset 12 is the length of the header, whose checksum counts as 0 in itself. */
    private static boolean isWhole(ByteBuffer header) {
        int length = header.getInt(12);
        if (!isGpt(header) || length < GPT_HEADER_BYTES || length > header.capacity()) {
            return false;
        }
        byte[] summed = new byte[length];
        header.get(0, summed);
        Arrays.fill(summed, GPT_HEADER_CRC, GPT_HEADER_CRC + 4, (byte) 0);
        CRC32 sum = new CRC32();
        sum.update(summed);
        return (int) sum.getValue() == header.getInt(GPT_HEADER_CRC);
    }

    /** A disk that has an MBR of its own by now, or a file system, may still end with the backup of an old GPT. */
    private static boolean mayBeGpt(ByteBuffer sector) {
        return sector.getShort(510) != (short) 0xaa55 || isProtective(sector);
    }

    private static boolean isProtective(ByteBuffer sector) {
        for (int entry = MBR_ENTRIES; entry < 510; entry += 16) {
            if ((sector.get(entry + 4) & 0xff) == PROTECTIVE) {
                return true;
            }
        }
        return false;
    }

    /** Offsets in the header: 24 its own LBA, 32 that of the other header, 72 LBA of the entries, 80 how many, 84 bytes of each. */
    private static PartitionTable gpt(Backend disk, ByteBuffer header, int sector) throws IOException {
        long needed = Math.max(endOf(header.getLong(24), sector), endOf(header.getLong(32), sector));
        List<Partition> partitions = new ArrayList<>();
        long entries = Math.min(Integer.toUnsignedLong(header.getInt(80)), MAX_ENTRIES);
        long entryBytes = Integer.toUnsignedLong(header.getInt(84));
        long table = endOf(header.getLong(72), sector) - sector;
        if (entryBytes >= 128 && entryBytes <= MAX_ENTRY_BYTES && table <= disk.size() - entries * entryBytes) {
            ByteBuffer all = bytes(disk, table, (int) (entries * entryBytes));
            for (int entry = 0; entry < entries * entryBytes; entry += (int) entryBytes) {
                boolean used = all.getLong(entry) != 0 || all.getLong(entry + 8) != 0;
                if (used) {
                    long start = endOf(all.getLong(entry + 32), sector) - sector;
                    long end = endOf(all.getLong(entry + 40), sector);
                    partitions.add(new Partition(entry / (int) entryBytes + 1, start, end - start));
                    needed = Math.max(needed, end);
                }
            }
        }
        return new PartitionTable("GPT", needed, partitions);
    }

    /** The end of a sector in bytes; an LBA beyond all disks is not folded into a small number. */
    private static long endOf(long lba, int sector) {
        return lba < 0 || lba >= Long.MAX_VALUE / sector - 1 ? Long.MAX_VALUE : (lba + 1) * sector;
    }

    /** Four entries of 16 bytes: u8 status, 3, u8 type, 3, u32 first sector, u32 sectors; then 55 aa. */
    private static PartitionTable mbr(Backend disk, ByteBuffer sector) throws IOException {
        if (sector.getShort(510) != (short) 0xaa55 || isFileSystem(sector)) {
            return NONE;
        }
        long needed = 0;
        List<Partition> partitions = new ArrayList<>();
        for (int entry = MBR_ENTRIES; entry < 510; entry += 16) {
            int status = sector.get(entry) & 0xff;
            if (status != 0 && status != 0x80) {
                return NONE;
            }
            int type = sector.get(entry + 4) & 0xff;
            if (type != 0 && type != PROTECTIVE) {
                long first = Integer.toUnsignedLong(sector.getInt(entry + 8));
                long sectors = Integer.toUnsignedLong(sector.getInt(entry + 12));
                needed = Math.max(needed, (first + sectors) * 512);
                if (isExtended(type)) {
                    needed = Math.max(needed, logical(disk, first, sectors, partitions));
                } else {
                    partitions.add(new Partition((entry - MBR_ENTRIES) / 16 + 1, first * 512, sectors * 512));
                }
            }
        }
        return new PartitionTable("MBR", needed, partitions);
    }

    private static boolean isExtended(int type) {
        return type == 0x05 || type == 0x0f || type == 0x85;
    }

    /**
     * Adds the partitions inside an extended one, and returns the end of the last. Each sector of the chain is an MBR
     * whose entries count from itself, but the link to the next counts from the extended partition's start.
     */
    private static long logical(Backend disk, long extended, long sectors, List<Partition> partitions)
            throws IOException {
        long needed = 0;
        int number = FIRST_LOGICAL;
        long link = 0;
        for (int links = 0; links < MAX_LOGICAL_PARTITIONS; links++) {
            long here = extended + link;
            if (link >= sectors || (here + 1) * 512 > disk.size()) {
                break;
            }
            ByteBuffer sector = bytes(disk, here * 512, 512);
            if (sector.getShort(510) != (short) 0xaa55) {
                break;
            }
            long next = 0;
            for (int entry = MBR_ENTRIES; entry < MBR_ENTRIES + 2 * 16; entry += 16) {
                int type = sector.get(entry + 4) & 0xff;
                long first = Integer.toUnsignedLong(sector.getInt(entry + 8));
                long length = Integer.toUnsignedLong(sector.getInt(entry + 12));
                if (isExtended(type)) {
                    next = first;
                } else if (type != 0 && length != 0) {
                    partitions.add(new Partition(number++, (here + first) * 512, length * 512));
                    needed = Math.max(needed, (here + first + length) * 512);
                }
            }
            if (next == 0) {
                break;
            }
            link = next;
        }
        return needed;
    }

    /** FAT and NTFS end their first sector with 55 aa too, and where entries would be is their boot code. */
    private static boolean isFileSystem(ByteBuffer sector) {
        byte[] words = new byte[90];
        sector.get(0, words);
        String text = new String(words, StandardCharsets.ISO_8859_1);
        return text.startsWith("NTFS", 3)
                || text.startsWith("EXFAT", 3)
                || text.startsWith("FAT", 54)
                || text.startsWith("FAT", 82);
    }

    private static ByteBuffer bytes(Backend disk, long offset, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocateDirect(length);
        disk.read(bytes, offset);
        return bytes.flip().order(ByteOrder.LITTLE_ENDIAN);
    }
}
