package org.stiefelsystem.shell.status;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.shell.ShellApplication;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.MissingNode;

/** `stiefelctl server` on a link that is pulled out and plugged in, and what `stiefelctl links` says meanwhile. */
class LinksIntegrationTests {

    private static final Duration DEADLINE = Duration.ofSeconds(30);

    @TempDir
    Path temporary;

    private @Nullable NetworkNamespaces namespaces;
    private @Nullable Process server;

    @BeforeEach
    void layCable() {
        NetworkNamespaces.require("ip", "ss", "curl");
        namespaces = new NetworkNamespaces();
        namespaces.cable("cable0", "guest0");
    }

    @AfterEach
    void tearDown() throws InterruptedException {
        if (server != null) {
            server.destroy();
            if (!server.waitFor(20, TimeUnit.SECONDS)) {
                server.destroyForcibly();
            }
        }
        if (namespaces != null) {
            namespaces.close();
        }
    }

    @Test
    void servicesFollowTheLinkAndLinksTellsIt() throws Exception {
        Ended before = stiefelctl("links");
        assertThat(before.code()).isEqualTo(69);
        assertThat(before.output()).isEmpty();
        assertThat(before.errors().lines())
                .containsExactly(
                        "error: the discovery service does not run on this machine, or not with these settings",
                        "Start it: stiefelctl server --disk PATH --boot-dir DIR --transport plain --link IF");

        String address = namespaces().linkLocalOfHost("cable0");
        startServer();
        assertThat(stiefelctl("links").output().lines().map(line -> line.replaceAll(" {2,}", "|")))
                .hasSizeGreaterThan(2)
                .startsWith("LINK|STATE|SPEED|MTU|MAC|ADDRESS|SERVED|SINCE")
                .anyMatch(line -> line.matches("lo\\|up\\|-\\|65536\\|00:00:00:00:00:00\\|127.0.0.1/8\\|-\\|20.*"))
                .anyMatch(line -> line.matches("cable0\\|up\\|.*\\|1500\\|.*\\|" + address
                        + "/64\\|yes\\|20\\d\\d-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d"));
        assertThat(link("cable0").path("listening").asString()).isEqualTo(address + "%cable0");
        assertThat(manifest(address)).contains("\"name\":\"thinkpad\"");

        namespaces().onHost("ip", "link", "delete", "cable0");
        await().atMost(DEADLINE).until(() -> log().contains("cable0 is gone"));
        assertThat(link("cable0").isMissingNode()).isTrue();

        namespaces().plugIn("cable0", "02:00:00:00:00:77", "guest0");
        String moved = "fe80::ff:fe00:77";
        await().atMost(DEADLINE).untilAsserted(() -> assertThat(manifest(moved)).contains("\"name\":\"thinkpad\""));
        await().atMost(DEADLINE)
                .untilAsserted(() -> assertThat(link("cable0").path("listening").asString(""))
                        .isEqualTo(moved + "%cable0"));
        JsonNode after = link("cable0");
        assertThat(after.path("mac").asString()).isEqualTo("02:00:00:00:00:77");
        assertThat(after.path("served").asBoolean()).isTrue();
        assertThat(after.path("waitingFor")).isEmpty();
        assertThat(namespaces().onHost("ss", "-Hltn", "sport = :10809")).contains("[" + moved + "]%cable0:10809");
    }

    private void startServer() throws IOException {
        Path disk = Files.write(temporary.resolve("disk"), new byte[1 << 20]);
        Path kernel = Files.writeString(temporary.resolve("kernel"), "a kernel");
        List<String> words = stiefelctlWords(
                "server",
                "--disk=" + disk,
                "--kernel=" + kernel,
                "--initrd=" + kernel,
                "--cmdline=ro",
                "--name=thinkpad",
                "--transport=plain",
                "--link=cable0",
                // Discovery must find them wherever they are.
                "--set=stiefel.payload.admin-port=14654",
                "--set=stiefel.export.admin-port=0");
        Process started = namespaces().startOnHost(temporary.resolve("server.log"), words.toArray(String[]::new));
        server = started;
        await().atMost(Duration.ofSeconds(90)).until(() -> {
            if (!started.isAlive()) {
                throw new IllegalStateException("The server ended:\n" + log());
            }
            return log().contains("ready stiefel server link=cable0");
        });
    }

    private String manifest(String address) {
        return namespaces().onGuest("curl", "-s", "-m", "5", "http://[" + address + "%25guest0]:4644/manifest");
    }

    /** As `links --json` tells it; a missing node when it does not. */
    private JsonNode link(String name) throws Exception {
        Ended answer = stiefelctl("links", "--json");
        assertThat(answer.code()).as(answer.errors()).isZero();
        for (JsonNode link : new JsonMapper().readTree(answer.output())) {
            if (link.path("name").asString().equals(name)) {
                return link;
            }
        }
        return MissingNode.getInstance();
    }

    private record Ended(int code, String output, String errors) {}

    private Ended stiefelctl(String... words) throws Exception {
        Path errors = temporary.resolve("errors");
        List<String> command = new ArrayList<>(List.of("sh", "-c", "exec \"$@\" 2>" + errors, "sh"));
        command.addAll(stiefelctlWords(words));
        Path output = temporary.resolve("output");
        Process process = namespaces().startOnHost(output, command.toArray(String[]::new));
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        return new Ended(process.exitValue(), Files.readString(output), Files.readString(errors));
    }

    private List<String> stiefelctlWords(String... words) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                ShellApplication.class.getName()));
        command.addAll(List.of(words));
        command.add("--set=stiefel.run-dir=" + temporary.resolve("run"));
        return command;
    }

    private String log() throws IOException {
        return Files.readString(temporary.resolve("server.log"));
    }

    private NetworkNamespaces namespaces() {
        return Objects.requireNonNull(namespaces);
    }
}
