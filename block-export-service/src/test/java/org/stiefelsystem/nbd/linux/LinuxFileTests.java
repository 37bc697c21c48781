package org.stiefelsystem.nbd.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LinuxFileTests {

    private static final int PAGE = 4096;

    @Test
    void holesAndDataAreCountedFromTheOrigin(@TempDir Path directory) throws IOException {
        Path path = directory.resolve("sparse");
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(8 * PAGE);
            file.seek(4 * PAGE);
            file.write(new byte[PAGE]);
        }
        try (LinuxFile file = LinuxFile.open(path, true, false)) {
            assumeTrue(file.nextData(0, 8 * PAGE) == 4 * PAGE, "this file system tells no holes");
            LinuxFile part = file.from(PAGE);
            assertThat(part.nextData(0, 7 * PAGE)).isEqualTo(3 * PAGE);
            assertThat(part.nextHole(3 * PAGE, 7 * PAGE)).isEqualTo(4 * PAGE);
            assertThat(part.nextData(4 * PAGE, 7 * PAGE)).isEqualTo(7 * PAGE);
            assertThat(part.nextData(7 * PAGE, 9 * PAGE))
                    .as("what is behind the end is not known")
                    .isEqualTo(7 * PAGE);
        }
    }
}
