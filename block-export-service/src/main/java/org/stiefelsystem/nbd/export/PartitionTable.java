package org.stiefelsystem.nbd.export;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Where a disk's partitions begin, and how large its table says the disk must be at least. GPT with 512 or 4096 byte
 * sectors (UEFI specification, 5.3) or an MBR; a disk without either has no partitions and needs no size.
 */
record PartitionTable(String kind, long neededSize, List<Long> starts) {

    private static final PartitionTable NONE = new PartitionTable("no partition table", 0, List.of());
    private static final byte[] EFI_PART = "EFI PART".getBytes(StandardCharsets.US_ASCII);
    private static final int GPT_HEADER_BYTES = 92;
    private static final int MAX_ENTRIES = 1024;
    private static final int MAX_ENTRY_BYTES = 1024;
    private static final int MBR_ENTRIES = 446;
    private static final int PROTECTIVE = 0xee;

    PartitionTable {
        starts = List.copyOf(starts);
    }

    static PartitionTable read(Backend disk) throws IOException {
        for (int sector : new int[] {512, 4096}) {
            if (disk.size() >= 2L * sector) {
                ByteBuffer header = bytes(disk, sector, GPT_HEADER_BYTES);
                byte[] signature = new byte[8];
                header.get(0, signature);
                if (java.util.Arrays.equals(signature, EFI_PART)) {
                    return gpt(disk, header, sector);
                }
            }
        }
        return disk.size() >= 512 ? mbr(bytes(disk, 0, 512)) : NONE;
    }

    /** Offsets in the header: 32 LBA of the backup header, 72 LBA of the entries, 80 how many, 84 bytes of each. */
    private static PartitionTable gpt(Backend disk, ByteBuffer header, int sector) throws IOException {
        long needed = endOf(header.getLong(32), sector);
        List<Long> starts = new ArrayList<>();
        long entries = Math.min(Integer.toUnsignedLong(header.getInt(80)), MAX_ENTRIES);
        long entryBytes = Integer.toUnsignedLong(header.getInt(84));
        long table = endOf(header.getLong(72), sector) - sector;
        if (entryBytes >= 128 && entryBytes <= MAX_ENTRY_BYTES && table <= disk.size() - entries * entryBytes) {
            ByteBuffer all = bytes(disk, table, (int) (entries * entryBytes));
            for (int entry = 0; entry < entries * entryBytes; entry += (int) entryBytes) {
                boolean used = all.getLong(entry) != 0 || all.getLong(entry + 8) != 0;
                if (used) {
                    starts.add(endOf(all.getLong(entry + 32), sector) - sector);
                    needed = Math.max(needed, endOf(all.getLong(entry + 40), sector));
                }
            }
        }
        return new PartitionTable("GPT", needed, starts);
    }

    /** The end of a sector in bytes; an LBA beyond all disks is not folded into a small number. */
    private static long endOf(long lba, int sector) {
        return lba < 0 || lba >= Long.MAX_VALUE / sector - 1 ? Long.MAX_VALUE : (lba + 1) * sector;
    }

    /** Four entries of 16 bytes: u8 status, 3, u8 type, 3, u32 first sector, u32 sectors; then 55 aa. */
    private static PartitionTable mbr(ByteBuffer sector) {
        if (sector.getShort(510) != (short) 0xaa55 || isFileSystem(sector)) {
            return NONE;
        }
        long needed = 0;
        List<Long> starts = new ArrayList<>();
        for (int entry = MBR_ENTRIES; entry < 510; entry += 16) {
            int status = sector.get(entry) & 0xff;
            if (status != 0 && status != 0x80) {
                return NONE;
            }
            int type = sector.get(entry + 4) & 0xff;
            if (type != 0 && type != PROTECTIVE) {
                long first = Integer.toUnsignedLong(sector.getInt(entry + 8));
                long sectors = Integer.toUnsignedLong(sector.getInt(entry + 12));
                starts.add(first * 512);
                needed = Math.max(needed, (first + sectors) * 512);
            }
        }
        return new PartitionTable("MBR", needed, starts);
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
