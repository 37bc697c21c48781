package org.stiefelsystem.payload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BootFilesTests {

    /** What {@code printf abc | sha256sum} says. */
    private static final String ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    @TempDir
    Path directory;

    private final BootFiles files = new BootFiles();

    @Test
    void hashIsThatOfSha256sum() throws IOException {
        assertThat(files.of("kernel", abc())).isEqualTo(new BootFile(directory.resolve("file"), 3, ABC));
    }

    @Test
    void hashIsComputedOnce() throws IOException {
        Path file = abc();
        assertThat(files.of("kernel", file)).isSameAs(files.of("kernel", file));
    }

    @Test
    void hashIsComputedAgainWhenTheFileIsReplaced() throws IOException {
        Path file = abc();
        FileTime modified = Files.getLastModifiedTime(file);
        files.of("kernel", file);
        Path other = Files.writeString(directory.resolve("other"), "xyz");
        Files.setLastModifiedTime(other, modified);
        Files.move(other, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        assertThat(files.of("kernel", file).sha256()).isNotEqualTo(ABC);
    }

    @Test
    void hashIsComputedAgainWhenTheFileIsWrittenTo() throws IOException {
        Path file = abc();
        files.of("kernel", file);
        Files.writeString(file, "abcd");
        assertThat(files.of("kernel", file).size()).isEqualTo(4);
    }

    @Test
    void whatIsNotThereOrNotAFileIsRefused() {
        assertThatThrownBy(() -> files.of("kernel", directory.resolve("nope")))
                .isInstanceOf(PayloadUnavailable.class)
                .hasMessageEndingWith("is not there");
        assertThatThrownBy(() -> files.of("kernel", directory))
                .isInstanceOf(PayloadUnavailable.class)
                .hasMessageEndingWith("is not a file");
    }

    private Path abc() throws IOException {
        return Files.writeString(directory.resolve("file"), "abc");
    }
}
