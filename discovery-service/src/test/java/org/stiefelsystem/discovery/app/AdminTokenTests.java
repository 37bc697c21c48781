package org.stiefelsystem.discovery.app;

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
import org.stiefelsystem.discovery.CannotStart;

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
        assertRefused("has the mode 0644, and must have 0600");
    }

    @Test
    void aTokenOfAnotherUserIsRefused() throws IOException {
        NetworkNamespaces.require();
        AdminToken.in(temporary);
        Files.setAttribute(temporary.resolve("admin.token"), "unix:uid", 65534);
        assertRefused("belongs to another user");
    }

    @Test
    void aLinkToATokenIsRefused() throws IOException {
        AdminToken.in(temporary.resolve("elsewhere"));
        Files.createSymbolicLink(temporary.resolve("admin.token"), temporary.resolve("elsewhere/admin.token"));
        assertRefused("is no regular file");
    }

    @Test
    void aTokenThatIsNoneIsRefused() throws IOException {
        AdminToken.in(temporary);
        for (String rubbish : new String[] {"", "0", "0".repeat(63), "0".repeat(65), "F".repeat(64), "ÿ".repeat(64)}) {
            Files.writeString(temporary.resolve("admin.token"), rubbish);
            assertRefused("does not hold 64 hexadecimal digits");
        }
    }

    @Test
    void onlyTheTokenOpens() {
        AdminToken token = AdminToken.in(temporary);
        String authorization = token.authorization();
        assertThat(token.isIn(authorization)).isTrue();
        for (String other : new String[] {"", "Bearer", "Bearer ", authorization + "0", authorization.substring(7)}) {
            assertThat(token.isIn(other)).isFalse();
        }
    }

    private void assertRefused(String why) {
        assertThatThrownBy(() -> AdminToken.in(temporary))
                .isInstanceOfSatisfying(
                        CannotStart.class,
                        refusal -> assertThat(refusal.remedy())
                                .isEqualTo(
                                        "Stop all services, remove the file and start them again: a new one is made."))
                .hasMessageEndingWith(why);
    }
}
