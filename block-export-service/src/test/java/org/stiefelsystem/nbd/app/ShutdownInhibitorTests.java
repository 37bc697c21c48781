package org.stiefelsystem.nbd.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A program of straw takes the place of systemd-inhibit: it notes its words, and runs what it was given to run. */
class ShutdownInhibitorTests {

    @TempDir
    private Path directory;

    private Path log;
    private Path program;

    @BeforeEach
    void makeProgram() throws IOException {
        log = directory.resolve("log");
        program = Files.writeString(directory.resolve("systemd-inhibit"), """
                #!/bin/sh
                echo "$@" >>%1$s
                for last; do :; done
                "$last"
                echo ended >>%1$s
                """.formatted(log));
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
    }

    private ShutdownInhibitor inhibitor(Path systemdRuns) {
        return new ShutdownInhibitor(systemdRuns, program.toString());
    }

    private long children() {
        return ProcessHandle.current()
                .children()
                .filter(child -> child.info().commandLine().orElse("").contains(program.toString()))
                .count();
    }

    @Test
    void aProgramRunsForAsLongAsAGuestHasALease() {
        try (ShutdownInhibitor inhibitor = inhibitor(directory)) {
            inhibitor.hold(true);
            await().untilAsserted(() -> assertThat(log)
                    .content()
                    .startsWith("--what=shutdown:sleep --who=stiefel --why=another machine runs from this one's disk")
                    .endsWith("--mode=block cat\n"));
            assertThat(children()).isOne();
            inhibitor.hold(false);
            await().until(() -> children() == 0);
            inhibitor.hold(true);
            await().until(() -> children() == 1);
        }
        await().until(() -> children() == 0);
    }

    /** Nobody asks it to end. */
    @Test
    void theProgramEndsWithUsWhenWeAreKilled() throws Exception {
        Process service = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                        Service.class.getName(),
                        directory.toString(),
                        program.toString())
                .inheritIO()
                .start();
        try {
            await().until(() -> Files.exists(log));
        } finally {
            service.destroyForcibly();
        }
        await().untilAsserted(() -> assertThat(log).content().endsWith("ended\n"));
    }

    static final class Service {

        private Service() {}

        @SuppressWarnings("resource")
        public static void main(String[] arguments) throws InterruptedException {
            new ShutdownInhibitor(Path.of(arguments[0]), arguments[1]).hold(true);
            new CountDownLatch(1).await();
        }
    }

    @Test
    void whereSystemdDoesNotRunNothingIsStarted() {
        try (ShutdownInhibitor inhibitor = inhibitor(directory.resolve("nothing"))) {
            inhibitor.hold(true);
            inhibitor.hold(false);
        }
        assertThat(log).doesNotExist();
    }
}
