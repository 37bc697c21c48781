package org.stiefelsystem.shell.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class ServerProcessTests {

    /** It has a child, as the server has its `ip monitor`, and ends when it is asked itself. */
    private static final String SERVER = """
            trap 'kill $! 2>/dev/null; echo ended in order; exit 0' TERM
            echo 'ready stiefel server '
            while :; do sleep 60 & wait; done
            """;

    @TempDir
    Path temporary;

    @RepeatedTest(20)
    @Timeout(60)
    void stopAsksAServerThatHasAChildAndHearsItsLastWords() throws Exception {
        assertEndsInOrder();
    }

    @Test
    @Timeout(60)
    void stopAsksAServerInAnotherNamespaceAndWaitsForIt() throws Exception {
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "skipped, since nsenter needs root");
        // With --pid it stays, and the server is its child.
        assertEndsInOrder(
                "nsenter", "--target", Long.toString(ProcessHandle.current().pid()), "--pid", "--");
    }

    private void assertEndsInOrder(String... prefix) throws Exception {
        List<String> command = new ArrayList<>(List.of(prefix));
        command.addAll(List.of("sh", "-c", SERVER));
        try (ServerProcess server = ServerProcess.start(new ProcessBuilder(command), temporary.resolve("log"))) {
            assertThat(server.stop()).isTrue();
            // Its last words are copied to the log by another thread.
            await().untilAsserted(() -> assertThat(server.log()).contains("ended in order"));
        }
    }
}
