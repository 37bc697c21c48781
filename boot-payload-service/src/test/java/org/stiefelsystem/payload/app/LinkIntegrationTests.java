package org.stiefelsystem.payload.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The service behind a link-local address with a scope, asked over a cable by what the agent and people use. */
class LinkIntegrationTests {

    @TempDir
    Path temporary;

    private NetworkNamespaces namespaces;
    private String address;
    private @Nullable Process service;
    private @Nullable Process export;

    @BeforeEach
    void layCable() {
        NetworkNamespaces.require("ip", "ss", "curl", "busybox", "strace");
        namespaces = new NetworkNamespaces();
        namespaces.cable("cable0", "guest0");
        address = namespaces.linkLocalOfHost("cable0");
    }

    @AfterEach
    void tearDown() throws Exception {
        end(service);
        end(export);
        if (namespaces != null) {
            namespaces.close();
        }
    }

    @Test
    void theAgentsWgetAndACurlGetThePayloadBySendfile() throws Exception {
        byte[] kernel = new byte[3_000_000];
        new Random(2).nextBytes(kernel);
        Path kernelFile = Files.write(temporary.resolve("kernel"), kernel);
        Path initrdFile = Files.writeString(temporary.resolve("initrd"), "initrd");
        Process started = start(kernelFile, initrdFile);
        assertThat(wget("manifest", "Accept: text/plain")).as("no export yet").isEmpty();
        assertThat(curl("/manifest")).contains("\"status\":503");

        export = java("export.log", ExportAdmin.class.getName(), token().toString());
        await().atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> assertThat(wget("manifest", "Accept: text/plain, */*"))
                        .startsWith("name=thinkpad\nkernel.size=3000000\n"));
        assertThat(Files.readString(temporary.resolve("export.log"))).contains("\"export\":\"root\"}");

        Path trace = temporary.resolve("trace");
        Process strace = namespaces.startOnHost(
                temporary.resolve("strace.log"),
                "strace",
                "-f",
                "-e",
                "trace=sendfile,sendfile64",
                "-o",
                trace.toString(),
                "-p",
                Long.toString(started.pid()));
        try {
            await().until(() ->
                    Files.readString(temporary.resolve("strace.log")).contains("attached"));
            Path fetched = temporary.resolve("fetched");
            namespaces.onGuest(
                    "sh",
                    "-c",
                    "busybox wget -q -O - --header 'Host: stiefel' 'http://[" + address + "%guest0]:4644/kernel' > "
                            + fetched);
            assertThat(Files.readAllBytes(fetched)).isEqualTo(kernel);
            namespaces.onGuest("curl", "-s", "-r", "7-1006", "-o", fetched.toString(), url("/kernel"));
            assertThat(HexFormat.of().formatHex(Files.readAllBytes(fetched)))
                    .isEqualTo(HexFormat.of().formatHex(kernel, 7, 1007));
        } finally {
            end(strace);
        }
        String traced = Files.readString(trace, StandardCharsets.ISO_8859_1);
        assertThat(traced).contains(", 3000000)", "[7] => [1007], 1000) = 1000");

        assertThat(curl("/boots")).contains("\"status\":404");
        assertThat(namespaces.onHost("curl", "-s", "-m", "2", "http://[::1]:4644/manifest"))
                .as("the link's door is on the link alone")
                .isEmpty();
    }

    @Test
    void theLinksDoorMovesAndTheOthersStay() throws Exception {
        Path file = Files.writeString(temporary.resolve("file"), "a kernel");
        start(file, file);
        export = java("export.log", ExportAdmin.class.getName(), token().toString());
        await().atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> assertThat(curl("/manifest")).contains("\"name\":\"thinkpad\""));
        namespaces.cable("cable1", "guest1");
        String other = namespaces.linkLocalOfHost("cable1");

        assertThat(listen("fe80::99%cable1")).as("nobody has that address").isEqualTo("409");
        assertThat(curl("/manifest")).contains("\"name\":\"thinkpad\"");

        assertThat(listen(other + "%cable1")).isEqualTo("204");
        // The guest's end of a new cable has no address for a moment.
        await().atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> assertThat(manifest(other, "guest1")).contains("\"name\":\"thinkpad\""));
        await().atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> assertThat(namespaces.onHost("ss", "-Hltn", "sport = :4644"))
                        .contains("[" + other + "]%cable1:4644")
                        .hasLineCount(1));
        assertThat(manifest(address, "guest0")).isEmpty();
        assertThat(namespaces.onHost("curl", "-s", "http://127.0.0.1:4664/actuator/health"))
                .contains("UP");

        assertThat(listen(other + "%cable1")).as("it is there already").isEqualTo("204");
        assertThat(manifest(other, "guest1")).contains("\"name\":\"thinkpad\"");
        assertThat(namespaces.onGuest("curl", "-s", "-m", "5", "http://[" + other + "%25guest1]:4644/boots"))
                .as("it is the same door")
                .contains("\"status\":404");
        assertThat(listen(address + "%cable0")).isEqualTo("204");
        assertThat(curl("/kernel")).isEqualTo("a kernel");
    }

    /** What discovery sends; the status of the answer. */
    private String listen(String at) throws IOException {
        return namespaces.onHost(
                "curl",
                "-s",
                "-o",
                "/dev/null",
                "-w",
                "%{http_code}",
                "-X",
                "PUT",
                "-H",
                "Authorization: Bearer " + Files.readString(token()).strip(),
                "-H",
                "Content-Type: application/json",
                "-d",
                "{\"address\":\"" + at + "\"}",
                "http://127.0.0.1:4654/listen");
    }

    private String manifest(String at, String guestEnd) {
        return namespaces.onGuest("curl", "-s", "-m", "2", "http://[" + at + "%25" + guestEnd + "]:4644/manifest");
    }

    private Path token() {
        return temporary.resolve("run/admin.token");
    }

    private Process start(Path kernel, Path initrd) throws IOException {
        Process started = java(
                "service.log",
                PayloadApplication.class.getName(),
                "--stiefel.bind=" + address + "%cable0",
                "--stiefel.run-dir=" + temporary.resolve("run"),
                "--stiefel.payload.kernel=" + kernel,
                "--stiefel.payload.initrd=" + initrd,
                "--stiefel.payload.cmdline=root=UUID=1 ro",
                "--stiefel.payload.name=thinkpad");
        service = started;
        await().atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(200))
                .until(() -> {
                    if (!started.isAlive()) {
                        throw new IllegalStateException(
                                "The service ended:\n" + Files.readString(temporary.resolve("service.log")));
                    }
                    return namespaces
                            .onHost("curl", "-s", "http://127.0.0.1:4664/actuator/health")
                            .contains("UP");
                });
        return started;
    }

    /** Another process's admin API, in the host's namespace. */
    static final class ExportAdmin {

        private ExportAdmin() {}

        public static void main(String[] arguments) throws IOException {
            String token = "Bearer " + Files.readString(Path.of(arguments[0])).strip();
            HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 4655), 0);
            server.createContext("/boot-ids", exchange -> {
                boolean ours = token.equals(exchange.getRequestHeaders().getFirst("Authorization"));
                System.out.println(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
                exchange.sendResponseHeaders(ours ? 204 : 401, -1);
                exchange.close();
            });
            server.start();
        }
    }

    private Process java(String log, String main, String... arguments) throws IOException {
        List<String> command = new java.util.ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                main));
        command.addAll(List.of(arguments));
        return namespaces.startOnHost(temporary.resolve(log), command.toArray(String[]::new));
    }

    private String wget(String path, String header) {
        return namespaces.onGuest(
                "busybox",
                "wget",
                "-q",
                "-O",
                "-",
                "--header",
                "Host: stiefel",
                "--header",
                header,
                "http://[" + address + "%guest0]:4644/" + path);
    }

    private String curl(String path) {
        return namespaces.onGuest("curl", "-s", "-m", "5", url(path));
    }

    private String url(String path) {
        return "http://[" + address + "%25guest0]:4644" + path;
    }

    private static void end(@Nullable Process process) throws InterruptedException {
        if (process != null) {
            process.destroy();
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        }
    }
}
