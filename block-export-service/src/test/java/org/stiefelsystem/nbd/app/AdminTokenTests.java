package org.stiefelsystem.nbd.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.nbd.export.RefusedException;

/** A token that somebody else may know or choose is none. */
@NullUnmarked
class AdminTokenTests {

    @TempDir
    private Path directory;

    private Path file;

    @BeforeEach
    void create() throws IOException {
        file = directory.resolve("admin.token");
        String made = AdminToken.in(directory).text();
        assertThat(AdminToken.in(directory).text()).isEqualTo(made);
    }

    private void assertRefused(String words) {
        assertThatExceptionOfType(RefusedException.class)
                .isThrownBy(() -> AdminToken.in(directory))
                .satisfies(refused -> {
                    assertThat(refused.what()).contains(file.toString()).contains(words);
                    assertThat(refused.remedy()).isNotBlank();
                });
    }

    @Test
    void oneThatOthersReadIsRefused() throws IOException {
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        assertRefused("0644");
    }

    @Test
    void aLinkIsRefused() throws IOException {
        Path elsewhere = Files.move(file, directory.resolve("elsewhere"));
        Files.createSymbolicLink(file, elsewhere);
        assertRefused("no regular file");
        Files.delete(elsewhere);
        assertRefused("no regular file");
    }

    @Test
    void anEmptyOneIsRefused() throws IOException {
        Files.writeString(file, "");
        assertRefused("64 hexadecimal digits");
    }
}
