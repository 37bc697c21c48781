package org.stiefelsystem.payload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdminTokenTests {

    @TempDir
    Path temporary;

    @Test
    void tokenIsMadeOnceAndForItsOwnerAlone() throws IOException {
        Path run = temporary.resolve("run/stiefel");
        String first = AdminToken.in(run).authorization();
        assertThat(AdminToken.in(run).authorization()).isEqualTo(first).matches("Bearer [0-9a-f]{64}");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(run.resolve("admin.token"))))
                .isEqualTo("rw-------");
        try (var files = Files.list(run)) {
            assertThat(files.toList()).containsExactly(run.resolve("admin.token"));
        }
    }

    @Test
    void threeServicesThatStartAtOnceHaveOneToken() throws Exception {
        for (int round = 0; round < 20; round++) {
            Path run = temporary.resolve("run" + round);
            try (ExecutorService services = Executors.newFixedThreadPool(3)) {
                List<Callable<String>> starts = List.of(
                        () -> AdminToken.in(run).authorization(),
                        () -> AdminToken.in(run).authorization(),
                        () -> AdminToken.in(run).authorization());
                Set<String> tokens = new HashSet<>();
                for (Future<String> token : services.invokeAll(starts)) {
                    tokens.add(token.get());
                }
                assertThat(tokens).hasSize(1);
            }
        }
    }

    @Test
    void aTokenThatOthersCanReadIsRefused() throws IOException {
        AdminToken.in(temporary);
        Files.setPosixFilePermissions(temporary.resolve("admin.token"), PosixFilePermissions.fromString("rw-r--r--"));
        assertThatThrownBy(() -> AdminToken.in(temporary))
                .isInstanceOf(CannotStart.class)
                .hasMessageContaining("can be read by others (rw-r--r--)");
    }

    @Test
    void onlyTheTokenOpens() {
        AdminToken token = AdminToken.in(temporary);
        String secret = token.authorization().substring("Bearer ".length());
        assertThat(token.opens(secret)).isTrue();
        assertThat(token.opens(secret.substring(1))).isFalse();
        assertThat(token.opens("")).isFalse();
    }
}
