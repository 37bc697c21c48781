package org.stiefelsystem.nbd.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.NullUnmarked;
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
    void anEmptyFileIsRefused() throws IOException {
        assertRefused(image(0), "is empty");
    }

    @Test
    void aFileThatIsServedAlreadyIsRefused() throws IOException {
        Path image = image(SIZE);
        Export first = Export.open("first", image, false);
        assertRefused(image, "locked by another export of this server");
        first.close();
        Export.open("root", image, false).close();
    }

    @Test
    void readOnlyExportsOfOneFileKeepWritersOut() throws IOException {
        Path image = image(SIZE);
        Export first = Export.open("first", image, true);
        Export.open("second", image, true).close();
        assertRefused(image, "is locked by");
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

    @Test
    void theDiskThatThisSystemRunsFromIsRefused() throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/mounts"))) {
            if (line.startsWith("/dev/") && line.contains(" / ")) {
                Path disk = Path.of(line.substring(0, line.indexOf(' ')));
                if (Files.isReadable(disk)) {
                    assertRefused(disk, "is mounted on /");
                }
            }
        }
    }

    @Test
    void namesThatAreNoneAreRefused() {
        for (String name : new String[] {"", " ", "a\nb", "n".repeat(256), "root@0123456789abcdef0123456789abcdef"}) {
            assertThatExceptionOfType(RefusedException.class).isThrownBy(() -> Export.memory(name, 1));
        }
    }

    @Test
    void twoExportsOfOneNameAreRefused() throws IOException {
        try (Exports exports = new Exports(BootIds.inMemory())) {
            exports.add(Export.memory("root", 1));
            assertThatExceptionOfType(RefusedException.class).isThrownBy(() -> exports.add(Export.memory("root", 1)));
        }
    }
}
