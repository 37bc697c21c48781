package org.stiefelsystem.nbd.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.CRC32;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is refused, each with what and what to do. */
@NullUnmarked
class ExportTests {

    private static final int SIZE = 4 << 20;

    @TempDir
    private Path directory;

    private Path image(long size) throws IOException {
        Path image = directory.resolve("disk.img");
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(size);
        }
        return image;
    }

    private static void put(Path image, long offset, byte... bytes) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.seek(offset);
            file.write(bytes);
        }
    }

    private static void assertRefused(Path path, String words) {
        assertThatExceptionOfType(RefusedException.class)
                .isThrownBy(() -> Export.open("root", path, false).close())
                .satisfies(refused -> {
                    assertThat(refused.what()).contains(path.toString()).contains(words);
                    assertThat(refused.remedy()).isNotBlank();
                });
    }

    @Test
    void whatIsMissingIsRefused() {
        assertRefused(directory.resolve("nothing"), "does not exist");
    }

    @Test
    void aDanglingLinkIsRefusedByItsTarget() throws IOException {
        Path link = Files.createSymbolicLink(directory.resolve("link"), directory.resolve("gone"));
        assertRefused(link, directory.resolve("gone").toString());
    }

    @Test
    void aDirectoryIsRefused() {
        assertRefused(directory, "is a directory");
    }

    @Test
    void whatIsNoDiskIsRefused() {
        assertRefused(Path.of("/dev/null"), "neither a file nor a block device");
    }

    @Test
    void aFifoIsRefusedAtOnce() throws Exception {
        Path fifo = directory.resolve("fifo");
        assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor())
                .isZero();
        assertRefused(fifo, "is a FIFO, and neither a file nor a block device");
    }

    @Test
    void aSocketIsRefused() throws IOException {
        Path socket = directory.resolve("socket");
        try (ServerSocketChannel listening = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            listening.bind(UnixDomainSocketAddress.of(socket));
            assertRefused(socket, "is a socket, and neither a file nor a block device");
        }
    }

    @Test
    void anEmptyFileIsRefused() throws IOException {
        assertRefused(image(0), "is empty");
    }

    @Test
    @Tag("safety-rule-1")
    void aFileThatIsServedAlreadyIsRefused() throws IOException {
        Path image = image(SIZE);
        Export first = Export.open("first", image, false);
        assertRefused(image, "export first of this server has it");
        first.close();
        Export.open("root", image, false).close();
    }

    @Test
    @Tag("safety-rule-1")
    void readOnlyExportsOfOneFileKeepWritersOut() throws IOException {
        Path image = image(SIZE);
        Export first = Export.open("first", image, true);
        Export.open("second", image, true).close();
        assertRefused(image, "is open for reading alone, by export first of this server");
        first.close();
    }

    @Test
    void aGptThatNeedsMoreIsRefused() throws IOException {
        for (int sector : new int[] {512, 4096}) {
            Path image = image(SIZE);
            ByteBuffer header = ByteBuffer.allocate(92).order(ByteOrder.LITTLE_ENDIAN);
            header.put("EFI PART".getBytes(StandardCharsets.US_ASCII));
            header.putLong(32, SIZE / sector - 1).putLong(72, 2).putInt(80, 128).putInt(84, 128);
            put(image, sector, header.array());
            Export.open("root", image, false).close();
            header.putLong(32, SIZE / sector);
            put(image, sector, header.array());
            assertRefused(image, "but its GPT needs " + (SIZE + sector));
            header.putLong(32, -1L);
            put(image, sector, header.array());
            assertRefused(image, "but its GPT needs far more");
            Files.delete(image);
        }
    }

    @Test
    void aPartitionBeyondTheEndIsRefused() throws IOException {
        Path image = image(SIZE);
        ByteBuffer header = ByteBuffer.allocate(92).order(ByteOrder.LITTLE_ENDIAN);
        header.put("EFI PART".getBytes(StandardCharsets.US_ASCII));
        header.putLong(32, 1).putLong(72, 2).putInt(80, 128).putInt(84, 128);
        put(image, 512, header.array());
        ByteBuffer entry = ByteBuffer.allocate(128).order(ByteOrder.LITTLE_ENDIAN);
        entry.putLong(0, 1).putLong(32, 2048).putLong(40, SIZE / 512);
        put(image, 1024 + 127 * 128, entry.array());
        assertRefused(image, "but its GPT needs " + (SIZE + 512));
    }

    @Test
    void anMbrThatNeedsMoreIsRefused() throws IOException {
        Path image = image(SIZE);
        ByteBuffer sector = ByteBuffer.allocate(512).order(ByteOrder.LITTLE_ENDIAN);
        sector.putShort(510, (short) 0xaa55);
        sector.put(446 + 4, (byte) 0x83).putInt(446 + 8, 2048).putInt(446 + 12, SIZE / 512 - 2048);
        put(image, 0, sector.array());
        Export.open("root", image, false).close();
        sector.putInt(446 + 12, SIZE / 512 - 2047);
        put(image, 0, sector.array());
        assertRefused(image, "but its MBR needs " + (SIZE + 512));
        // The same bytes are boot code in a FAT file system.
        sector.put(54, "FAT16   ".getBytes(StandardCharsets.US_ASCII));
        put(image, 0, sector.array());
        Export.open("root", image, false).close();
    }

    @Test
    @Tag("safety-rule-1")
    void aHibernatedSystemIsRefused() throws IOException {
        Path image = image(SIZE);
        ByteBuffer sector = ByteBuffer.allocate(512).order(ByteOrder.LITTLE_ENDIAN);
        sector.putShort(510, (short) 0xaa55);
        sector.put(446 + 4, (byte) 0x82).putInt(446 + 8, 2048).putInt(446 + 12, 1024);
        put(image, 0, sector.array());
        long signature = 2048 * 512 + 4086;
        put(image, signature, "SWAPSPACE2".getBytes(StandardCharsets.US_ASCII));
        Export.open("root", image, false).close();
        put(image, signature, "S1SUSPEND\0".getBytes(StandardCharsets.US_ASCII));
        assertRefused(image, "hibernated");
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

    private static void hibernate(Path image, int sector) throws IOException {
        put(image, sector * 512L + 4086, "S1SUSPEND\0".getBytes(StandardCharsets.US_ASCII));
    }

    @Test
    @Tag("safety-rule-1")
    void aHibernatedSystemInALogicalPartitionIsRefused() throws IOException {
        for (int type : new int[] {0x05, 0x0f, 0x85}) {
            Path image = image(SIZE);
            put(image, 0, table(new int[] {0x83, 64, 64}, new int[] {type, 1024, 4096}));
            put(image, 1024 * 512, table(new int[] {0x83, 64, 512}, new int[] {5, 1024, 1024}));
            put(image, 2048 * 512, table(new int[] {0x82, 64, 512}));
            Export.open("root", image, false).close();
            hibernate(image, 2048 + 64);
            assertRefused(image, "hibernated");
            // Beyond the end of the disk.
            put(image, 2048 * 512, table(new int[] {0x82, 64, SIZE / 512}));
            put(image, (2048 + 64) * 512 + 4086, new byte[10]);
            assertRefused(image, "but its MBR needs");
            Files.delete(image);
        }
    }

    @Test
    void aChainOfLogicalPartitionsEndsWhereItLeavesItsOwnOrTurnsBack() throws IOException {
        Path image = image(SIZE);
        put(image, 0, table(new int[] {5, 1024, 1024}));
        put(image, 1024 * 512, table(new int[] {0x83, 64, 64}, new int[] {5, 512, 512}));
        put(image, 1536 * 512, table(new int[] {0x83, 64, 64}, new int[] {5, 512, 512}));
        Export.open("root", image, false).close();
        put(image, 1536 * 512, table(new int[] {0x83, 64, 64}, new int[] {5, 1024, 512}));
        hibernate(image, 2048 + 64);
        put(image, 2048 * 512, table(new int[] {0x82, 64, 64}));
        Export.open("root", image, false).close();
    }

    @Test
    @Tag("safety-rule-1")
    void aHibernatedSystemIsFoundByTheBackupOfADamagedGpt() throws IOException {
        for (boolean signature : new boolean[] {false, true}) {
            Path image = image(SIZE);
            int last = SIZE / 512 - 1;
            put(image, 0, table(new int[] {0xee, 1, last}));
            if (signature) {
                put(image, 512, "EFI PART".getBytes(StandardCharsets.US_ASCII));
            }
            ByteBuffer header = ByteBuffer.allocate(92).order(ByteOrder.LITTLE_ENDIAN);
            header.put("EFI PART".getBytes(StandardCharsets.US_ASCII)).putInt(12, 92);
            header.putLong(24, last).putLong(32, 1).putLong(72, last - 32);
            header.putInt(80, 128).putInt(84, 128);
            CRC32 sum = new CRC32();
            sum.update(header.array());
            put(image, last * 512L, header.putInt(16, (int) sum.getValue()).array());
            ByteBuffer entry = ByteBuffer.allocate(128).order(ByteOrder.LITTLE_ENDIAN);
            entry.putLong(0, 1).putLong(32, 2048).putLong(40, 4095);
            put(image, (last - 32) * 512L, entry.array());
            Export.open("root", image, false).close();
            hibernate(image, 2048);
            assertRefused(image, "hibernated");
            Files.delete(image);
        }
    }

    @Test
    @Tag("safety-rule-1")
    void theDiskThatThisSystemRunsFromIsRefused() throws IOException {
        List<Path> disks = Files.readAllLines(Path.of("/proc/mounts")).stream()
                .filter(line -> line.startsWith("/dev/") && line.contains(" / "))
                .map(line -> Path.of(line.substring(0, line.indexOf(' '))))
                .filter(Files::isReadable)
                .toList();
        assumeTrue(!disks.isEmpty(), "/ lies on no device under /dev that this user may read");
        disks.forEach(disk -> assertRefused(disk, "is mounted on /"));
    }

    @Test
    void namesThatAreNoneAreRefused() {
        for (String name : new String[] {
            "", " ", "a\nb", "n".repeat(256), "a\u202eb", "a\u2028b", "\ud800", "root@0123456789abcdef0123456789abcdef"
        }) {
            assertThatExceptionOfType(RefusedException.class).isThrownBy(() -> Export.memory(name, 1));
        }
    }

    @Test
    void aQuickZeroIsUnflushedOnlyWhereItWasDone() throws IOException {
        FakeDisk disk = new FakeDisk(4096);
        Export export = disk.export("root");
        assertThat(export.zeroQuickly(0, 512, false)).isTrue();
        disk.zeroSlowly();
        assertThat(export.zeroQuickly(512, 512, false)).isFalse();
        assertThat(export.bytesUnflushed()).isEqualTo(512);
    }

    @Test
    void twoExportsOfOneNameAreRefused() throws IOException {
        try (Exports exports = new Exports(Leases.inMemory())) {
            exports.add(Export.memory("root", 1));
            assertThatExceptionOfType(RefusedException.class).isThrownBy(() -> exports.add(Export.memory("root", 1)));
        }
    }
}
