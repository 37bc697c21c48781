package org.stiefelsystem.nbd.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ranges and partitions as exports; one open disk for all of them; files that grow and shrink. */
@NullUnmarked
class DiskPartTests {

    private static final int SIZE = 4 << 20;
    private static final DiskPart WHOLE = new DiskPart.Whole();

    @TempDir
    private Path directory;

    private Path image;
    private final List<Export> opened = new ArrayList<>();

    @BeforeEach
    void makeImage() throws IOException {
        image = directory.resolve("disk.img");
        setSize(SIZE);
    }

    @AfterEach
    void close() {
        opened.forEach(Export::close);
    }

    private void setSize(long size) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(size);
        }
    }

    private void put(long offset, byte... bytes) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.seek(offset);
            file.write(bytes);
        }
    }

    private Export open(String name, boolean readOnly, DiskPart part) throws IOException {
        Export export = Export.open(name, image, readOnly, part);
        opened.add(export);
        return export;
    }

    private void close(Export export) {
        opened.remove(export);
        export.close();
    }

    private void assertRefused(boolean readOnly, DiskPart part, String words) {
        assertThatExceptionOfType(RefusedException.class)
                .isThrownBy(() -> open("refused", readOnly, part))
                .satisfies(refused -> {
                    assertThat(refused.what()).contains(words);
                    assertThat(refused.remedy()).isNotBlank();
                });
    }

    private static ByteBuffer bytes(int length) {
        return ByteBuffer.allocateDirect(length);
    }

    /** An MBR or a sector of an extended partition, of entries {type, first sector, sectors}. */
    private static byte[] table(int[]... entries) {
        ByteBuffer sector = ByteBuffer.allocate(512).order(ByteOrder.LITTLE_ENDIAN);
        int at = 446;
        for (int[] entry : entries) {
            sector.put(at + 4, (byte) entry[0]).putInt(at + 8, entry[1]).putInt(at + 12, entry[2]);
            at += 16;
        }
        return sector.putShort(510, (short) 0xaa55).array();
    }

    /** A table of one partition with both its headers, as UEFI's specification, 5.3, has them. */
    private void gpt(int entry, long firstSector, long lastSector) throws IOException {
        long lastOfDisk = Files.size(image) / 512 - 1;
        byte[] protective = new byte[66];
        protective[4] = (byte) 0xee;
        protective[64] = 0x55;
        protective[65] = (byte) 0xaa;
        put(446, protective);
        byte[] entries = ByteBuffer.allocate(128 * 128)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(entry * 128, 1)
                .putLong(entry * 128 + 32, firstSector)
                .putLong(entry * 128 + 40, lastSector)
                .array();
        put(1024, entries);
        put(512, gptHeader(1, lastOfDisk, 2, entries));
        put((lastOfDisk - 32) * 512, entries);
        put(lastOfDisk * 512, gptHeader(lastOfDisk, 1, lastOfDisk - 32, entries));
    }

    private static byte[] gptHeader(long own, long other, long table, byte[] entries) {
        ByteBuffer header = ByteBuffer.allocate(92).order(ByteOrder.LITTLE_ENDIAN);
        header.put("EFI PART".getBytes(StandardCharsets.US_ASCII))
                .putInt(8, 0x10000)
                .putInt(12, 92);
        header.putLong(24, own)
                .putLong(32, other)
                .putLong(72, table)
                .putInt(80, 128)
                .putInt(84, 128);
        header.putInt(88, crc(entries));
        return header.putInt(16, crc(header.array())).array();
    }

    private static int crc(byte[] bytes) {
        CRC32 sum = new CRC32();
        sum.update(bytes);
        return (int) sum.getValue();
    }

    // ---- what is a part ----

    @Test
    void aRangeIsADiskOfItsOwn() throws IOException {
        put(8192, (byte) 42);
        Export range = open("range", false, new DiskPart.Range(8192, 4096L));
        assertThat(range.size()).isEqualTo(4096);
        assertThat(range.offset()).isEqualTo(8192);
        ByteBuffer read = bytes(1);
        range.read(read, 0);
        assertThat(read.get(0)).isEqualTo((byte) 42);
        range.write(bytes(1), 0);
        range.sync();
        assertThat(Files.readAllBytes(image)[8192]).isZero();
        assertThat(open("end", false, new DiskPart.Range(SIZE - 1024, null)).size())
                .isEqualTo(1024);
    }

    @Test
    void aPartitionOfAnMbrIsServedByItsNumber() throws IOException {
        put(0, table(new int[] {0x83, 64, 64}, new int[] {0, 0, 0}, new int[] {5, 1024, 2048}));
        put(1024 * 512, table(new int[] {0x83, 64, 128}, new int[] {5, 1024, 1024}));
        put(2048 * 512, table(new int[] {0x83, 32, 256}));
        long[][] partitions = {{1, 64 * 512, 64 * 512}, {5, 1088 * 512, 128 * 512}, {6, 2080 * 512, 256 * 512}};
        for (long[] partition : partitions) {
            Export export = open("p" + partition[0], false, new DiskPart.Partition((int) partition[0]));
            assertThat(export.offset()).isEqualTo(partition[1]);
            assertThat(export.size()).isEqualTo(partition[2]);
        }
        assertRefused(false, new DiskPart.Partition(3), "has no partition 3: its MBR has 1, 5, 6.");
    }

    @Test
    void aPartitionOfAGptIsServedByItsNumber() throws IOException {
        gpt(2, 2048, 4095);
        Export export = open("p3", false, new DiskPart.Partition(3));
        assertThat(export.offset()).isEqualTo(2048 * 512);
        assertThat(export.size()).isEqualTo(2048 * 512);
        assertThat(export.part()).isEqualTo(new DiskPart.Partition(3));
        assertRefused(false, new DiskPart.Partition(1), "has no partition 1: its GPT has 3.");
    }

    @Test
    void aPartitionIsTheOneThatTheKernelWouldUse() throws IOException {
        gpt(0, 2048, 4095);
        put(1024 + 32, (byte) 99);
        assertRefused(true, new DiskPart.Partition(1), "has a damaged GPT, by which Linux knows no partitions");
        // Another table was made later, and not all of the GPT was wiped.
        byte[] linux = new byte[16];
        linux[4] = (byte) 0x83;
        linux[9] = 0x10;
        linux[12] = 8;
        put(446, linux);
        assertThat(open("by the MBR", true, new DiskPart.Partition(1)).offset()).isEqualTo(4096 * 512);
    }

    @Test
    void whatIsNoPartIsRefused() throws IOException {
        assertRefused(false, new DiskPart.Partition(1), "has no partition 1: it has none.");
        assertRefused(false, new DiskPart.Range(SIZE, null), "has 4194304 bytes, and not 0 from byte 4194304 on");
        assertRefused(
                false, new DiskPart.Range(512, (long) SIZE), "has 4194304 bytes, and not 4194304 from byte 512 on");
        assertRefused(false, new DiskPart.Range(Long.MAX_VALUE - 511, 512L), "has 4194304 bytes, and not 512");
        for (Object[] wrong : new Object[][] {
            {1L, null, null},
            {-512L, null, null},
            {null, 0L, null},
            {null, 513L, null},
            {0L, Long.MIN_VALUE, null},
            {0L, null, 1},
            {null, 512L, 1},
            {null, null, 0},
            {null, null, -1}
        }) {
            assertThatExceptionOfType(RefusedException.class)
                    .isThrownBy(() -> DiskPart.of((Long) wrong[0], (Long) wrong[1], (Integer) wrong[2]));
        }
        assertThat(DiskPart.of(null, null, null)).isEqualTo(WHOLE);
        assertThat(DiskPart.of(null, 512L, null)).isEqualTo(new DiskPart.Range(0, 512L));
    }

    // ---- two exports of one file ----

    @Test
    void partsThatShareNoByteMayBothBeWritable() throws IOException {
        open("first", false, new DiskPart.Range(0, 4096L));
        open("second", false, new DiskPart.Range(4096, null));
        assertRefused(false, new DiskPart.Range(512, 512L), "export first of this server has some of these bytes");
        assertRefused(true, new DiskPart.Range(4096, 512L), "export second of this server has some of these bytes");
        assertRefused(false, WHOLE, "export first of this server has some of these bytes");
    }

    @Test
    void readersShareAndAWriterBesideThemOnlyOpensTheDiskFirst() throws IOException {
        Export reader = open("reader", true, WHOLE);
        open("again", true, new DiskPart.Range(512, 512L));
        assertRefused(false, new DiskPart.Range(0, 512L), "is open for reading alone, by export reader");
        close(reader);
        close(opened.getFirst());
        open("writer", false, new DiskPart.Range(0, 512L));
        open("reader", true, new DiskPart.Range(512, null));
    }

    @Test
    void aLinkIsTheSameFile() throws IOException {
        open("first", false, WHOLE);
        Path link = Files.createSymbolicLink(directory.resolve("link"), image);
        Path hard = Files.createLink(directory.resolve("hard"), image);
        for (Path other : List.of(link, hard)) {
            assertThatExceptionOfType(RefusedException.class)
                    .isThrownBy(() -> Export.open("other", other, false))
                    .withMessageContaining("export first of this server has it");
        }
    }

    @Test
    void theDiskIsLetGoOfWithItsLastPart() throws IOException {
        Export first = open("first", false, new DiskPart.Range(0, 512L));
        Export second = open("second", false, new DiskPart.Range(512, 512L));
        close(first);
        first.close();
        second.write(bytes(512), 0);
        second.sync();
        close(second);
        Export reader = open("reader", true, WHOLE);
        assertThat(reader.size()).isEqualTo(SIZE);
    }

    @Test
    void aFailedSyncIsOfTheDiskAndSoOfAllItsParts() throws IOException {
        FakeDisk disk = new FakeDisk(4096);
        StickySyncBackend shared = new StickySyncBackend(disk);
        Export first = new Export("first", "fake", false, new RangeBackend(shared, 0, 512, () -> {}));
        Export second = new Export("second", "fake", false, new RangeBackend(shared, 512, 512, () -> {}));
        disk.failSyncs(true);
        assertThatIOException().isThrownBy(first::sync);
        // The kernel tells of a lost write once.
        disk.failSyncs(false);
        assertThatIOException().isThrownBy(second::sync);
        assertThat(second.failed()).isTrue();
        assertThat(second.failure()).contains("an earlier sync of this export failed");
    }

    @Test
    void aLeaseIsOfItsBytes() throws IOException {
        Leases leases = Leases.in(directory.resolve("leases"), "this run");
        String bootId = "0".repeat(32);
        try (leases) {
            Export first = open("first", false, new DiskPart.Range(0, 4096L));
            leases.attach(first);
            leases.register(bootId, "first");
            leases.take(first, new PeerAddress("fe80::1%br0"), bootId, new NoSession(), java.time.Duration.ZERO);
            leases.attach(open("second", false, new DiskPart.Range(4096, null)));
            close(first);
            Export overlapping = open("other", false, new DiskPart.Range(512, 512L));
            assertThatExceptionOfType(RefusedException.class)
                    .isThrownBy(() -> leases.attach(overlapping))
                    .withMessageContaining("leased to fe80::1%br0 (boot 00000000), as export first");
        }
    }

    private static final class NoSession implements Session {
        @Override
        public void fence() {
            // Gone already.
        }

        @Override
        public boolean hungUp() {
            return false;
        }
    }

    // ---- grown and shrunk ----

    @Test
    void aFileThatHasGrownIsServedInItsNewSizeWhenThatIsSaid() throws IOException {
        Export whole = open("whole", false, WHOLE);
        assertThat(whole.opened()).isEqualTo(image.toRealPath());
        setSize(2 * SIZE);
        assertThat(whole.size()).isEqualTo(SIZE);
        whole.grow();
        assertThat(whole.size()).isEqualTo(2 * SIZE);
        whole.write(bytes(512), 2 * SIZE - 512);
        whole.grow();
        assertThat(whole.size()).isEqualTo(2 * SIZE);
    }

    @Test
    void aPartitionGrowsWithItsTableAndARangeOfASizeDoesNot() throws IOException {
        gpt(0, 2048, 4095);
        Export partition = open("p1", false, new DiskPart.Partition(1));
        Export range = open("range", false, new DiskPart.Range(512 * 1024, 512L));
        gpt(0, 2048, 6143);
        partition.grow();
        range.grow();
        assertThat(partition.size()).isEqualTo(4096 * 512);
        assertThat(range.size()).isEqualTo(512);
        gpt(0, 2048, 4095);
        assertThatExceptionOfType(RefusedException.class)
                .isThrownBy(partition::grow)
                .withMessageContaining("are not those of export p1 any more");
    }

    @Test
    void growingOverAnotherExportIsRefused() throws IOException {
        Export whole = open("whole", false, WHOLE);
        setSize(2 * SIZE);
        open("behind", false, new DiskPart.Range(SIZE, null));
        assertThatExceptionOfType(RefusedException.class)
                .isThrownBy(whole::grow)
                .withMessageContaining("export behind of this server has some of these bytes");
        assertThat(whole.failed()).isFalse();
    }

    @Test
    void aFileThatHasShrunkIsRefusedAndTheExportHasFailed() throws IOException {
        Export whole = open("whole", false, WHOLE);
        setSize(SIZE - 512);
        assertThatExceptionOfType(RefusedException.class)
                .isThrownBy(whole::grow)
                .satisfies(refused -> assertThat(refused.what())
                        .isEqualTo(image + " was cut off: of export whole the last 512 bytes are missing."));
        assertThat(whole.failed()).isTrue();
        assertThat(whole.failure()).contains("the last 512 bytes are missing");
        setSize(SIZE);
        assertThatExceptionOfType(RefusedException.class).isThrownBy(whole::grow);
    }

    @Test
    void whatWasCutOffUnderUsIsAnErrorAndIsNotMadeZeroesByAWriteBehindIt() throws IOException {
        Export whole = open("whole", false, WHOLE);
        setSize(SIZE / 2);
        whole.read(bytes(512), 0);
        assertThat(whole.failed()).isFalse();
        assertThatIOException().isThrownBy(() -> whole.read(bytes(1024), SIZE / 2 - 512));
        assertThat(whole.failure()).contains("the last 2097152 bytes are missing");
        assertThatIOException().isThrownBy(() -> whole.write(bytes(512), SIZE - 512));
        assertThatIOException().isThrownBy(() -> whole.zero(SIZE - 512, 512, true));
        assertThatIOException().isThrownBy(() -> whole.zeroQuickly(SIZE - 512, 512, true));
        assertThatIOException().isThrownBy(whole::sync);
        assertThat(Files.size(image)).isEqualTo(SIZE / 2);
        whole.read(bytes(512), 0);
    }

    @Test
    void aFlushNoticesThatAFileWasCutOff() throws IOException {
        Export whole = open("whole", false, WHOLE);
        whole.write(bytes(512), 0);
        setSize(0);
        assertThatIOException().isThrownBy(whole::sync).withMessageContaining("earlier sync of this export failed");
        assertThat(whole.failed()).isTrue();
    }
}
