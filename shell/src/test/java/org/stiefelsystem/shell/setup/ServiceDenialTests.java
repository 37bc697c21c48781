package org.stiefelsystem.shell.setup;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServiceDenialTests {

    @TempDir
    private Path directory;

    @Test
    void closeRemovesWhatWasPlaced() throws Exception {
        Path policy = directory.resolve("policy-rc.d");
        try (ServiceDenial denial = new ServiceDenial(policy, directory.resolve("lock"))) {
            assertThat(denial.isPlaced()).isTrue();
            assertThat(new ProcessBuilder(policy.toString(), "docker", "start")
                            .start()
                            .waitFor())
                    .isEqualTo(101);
        }
        assertThat(policy).doesNotExist();
    }

    @Test
    void policyOfTheOwnerStays() throws IOException {
        Path policy = Files.writeString(directory.resolve("policy-rc.d"), "#!/bin/sh\nexit 0\n");
        try (ServiceDenial denial = new ServiceDenial(policy, directory.resolve("lock"))) {
            assertThat(denial.isPlaced()).isFalse();
        }
        assertThat(policy).hasContent("#!/bin/sh\nexit 0\n");
    }

    @Test
    void leftoverOfAKilledSetupIsTakenOver() throws IOException {
        Path policy = directory.resolve("policy-rc.d");
        new ServiceDenial(policy, directory.resolve("lock"));
        try (ServiceDenial denial = new ServiceDenial(policy, directory.resolve("lock-of-the-next"))) {
            assertThat(denial.isPlaced()).isTrue();
        }
        assertThat(policy).doesNotExist();
    }
}
