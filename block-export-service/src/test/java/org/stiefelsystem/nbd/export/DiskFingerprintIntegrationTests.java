package org.stiefelsystem.nbd.export;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.nbd.linux.LinuxFile;

/** A lease is of bytes, whichever device they are opened by (DESIGN, safety rule 2). Needs root. */
@NullUnmarked
class DiskFingerprintIntegrationTests {

    private static final long MIB = 1 << 20;

    @TempDir
    private Path directory;

    private Path image;
    private String device;

    @BeforeEach
    void attach() throws Exception {
        image = Files.write(directory.resolve("image"), new byte[(int) (4 * MIB)]);
        device = run("losetup --find --show " + image);
        assumeTrue(device.startsWith("/dev/loop"), "losetup cannot attach: " + device);
        // Not every kernel looks for a table on loop devices.
        run("addpart %s 1 2048 2048".formatted(device));
    }

    @AfterEach
    void detach() throws Exception {
        run("delpart %s 1; losetup --detach %s".formatted(device, device));
    }

    @Test
    void theBytesOfAFileItsLoopDeviceAndAPartitionAreTheSame() throws IOException {
        DiskFingerprint file = of(image, 0, 4 * MIB);
        DiskFingerprint loop = of(Path.of(device), 0, 4 * MIB);
        DiskFingerprint partition = of(Path.of(device + "p1"), 0, MIB);
        assertThat(loop.identity()).isEqualTo(file.identity());
        assertThat(partition.identity()).isEqualTo(of(image, MIB, MIB).identity());
        assertThat(partition.overlaps(loop)).isTrue();
        assertThat(partition.overlaps(of(image, 0, MIB))).isFalse();
        assertThat(of(Path.of(device + "p1"), 512, 512).identity())
                .isEqualTo(of(image, MIB + 512, 512).identity());
    }

    private static DiskFingerprint of(Path path, long offset, long size) throws IOException {
        LinuxFile disk = LinuxFile.open(path, true, false);
        try (disk) {
            return DiskFingerprint.of(disk, offset, size);
        }
    }

    private static String run(String command) throws IOException, InterruptedException {
        Process shell = new ProcessBuilder("sh", "-c", command)
                .redirectErrorStream(true)
                .start();
        String words = new String(shell.getInputStream().readAllBytes(), UTF_8);
        shell.waitFor();
        return words.strip();
    }
}
