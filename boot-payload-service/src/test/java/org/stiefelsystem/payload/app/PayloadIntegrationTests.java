package org.stiefelsystem.payload.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.support.GenericApplicationContext;
import org.stiefelsystem.payload.BootIdRegistrar;
import org.stiefelsystem.payload.CannotStart;
import org.stiefelsystem.payload.RegistrationFailed;

/** The whole service in this JVM, as the all-in-one starts it, asked by curl. */
class PayloadIntegrationTests {

    private static final int LINK = freePort();
    private static final int ADMIN = freePort();
    private static final int ACTUATOR = freePort();
    private static final List<String> REGISTERED = new CopyOnWriteArrayList<>();
    private static volatile boolean exportIsThere = true;

    @TempDir
    static Path temporary;

    private static ConfigurableApplicationContext service;
    private static byte[] kernel;
    private static byte[] initrd;

    @BeforeAll
    static void start() throws IOException {
        Random random = new Random(1);
        kernel = new byte[300_000];
        initrd = new byte[5_000_000];
        random.nextBytes(kernel);
        random.nextBytes(initrd);
        Path boot = Files.createDirectory(temporary.resolve("boot"));
        Files.write(boot.resolve("vmlinuz-6.1.0-56-amd64"), kernel);
        Files.write(boot.resolve("initrd.img-6.1.0-56-amd64"), initrd);
        Files.writeString(boot.resolve("cmdline"), "root=UUID=1 ro\n");
        BootIdRegistrar registrar = (bootId, export) -> {
            if (!exportIsThere) {
                throw new RegistrationFailed("gone", null);
            }
            REGISTERED.add(export + "@" + bootId);
        };
        service = PayloadApplication.builder()
                .initializers(context ->
                        ((GenericApplicationContext) context).registerBean(BootIdRegistrar.class, () -> registrar))
                .run(arguments(
                        LINK,
                        "--stiefel.payload.admin-port=" + ADMIN,
                        "--stiefel.payload.actuator-port=" + ACTUATOR,
                        "--stiefel.payload.name=thinkpad",
                        "--stiefel.payload.boot-dir=" + boot));
    }

    @AfterAll
    static void stop() {
        service.close();
    }

    @BeforeEach
    void requireTools() {
        NetworkNamespaces.require("curl");
    }

    @Test
    void manifestIsJsonUnlessTextIsAskedFor() {
        assertThat(curl("/manifest")).contains("{\"name\":\"thinkpad\",\"kernel\":{\"size\":300000,\"sha256\":\"");
        assertThat(curl("/manifest", "-H", "Accept:")).contains("Content-Type: application/json");
        assertThat(curl("/manifest", "-H", "Accept: application/json, text/plain;q=0.5"))
                .contains("Content-Type: application/json");
        // As the agent asks.
        assertThat(curl("/manifest", "-H", "Accept: text/plain, */*"))
                .contains("Content-Type: text/plain")
                .contains("\nname=thinkpad\nkernel.size=300000\nkernel.sha256=");
    }

    @Test
    void eachManifestHasABootIdOfItsOwnThatTheExportKnows() {
        String one = bootId();
        String other = bootId();
        assertThat(one).isNotEqualTo(other);
        assertThat(REGISTERED).contains("root@" + one, "root@" + other);
    }

    @Test
    void withoutTheExportThereIsNoManifestButAProblem() {
        exportIsThere = false;
        try {
            assertThat(curl("/manifest", "-H", "Accept: text/plain"))
                    .contains("HTTP/1.1 503")
                    .contains("Content-Type: application/problem+json")
                    .contains("The host's block export takes no boot now");
        } finally {
            exportIsThere = true;
        }
    }

    @Test
    void filesAreDeliveredWhole() {
        assertThat(curlBody("/kernel")).isEqualTo(kernel);
        assertThat(curlBody("/initrd")).isEqualTo(initrd);
        assertThat(curl("/kernel", "-I")).contains("Content-Length: 300000", "Accept-Ranges: bytes");
    }

    @Test
    void rangesAreDelivered() {
        assertThat(curlBody("/initrd", "-r", "0-0")).isEqualTo(Arrays.copyOf(initrd, 1));
        assertThat(curlBody("/initrd", "-r", "1000-1999")).isEqualTo(Arrays.copyOfRange(initrd, 1000, 2000));
        assertThat(curlBody("/initrd", "-r", "4999999-")).isEqualTo(Arrays.copyOfRange(initrd, 4_999_999, 5_000_000));
        assertThat(curlBody("/initrd", "-r", "-10")).isEqualTo(Arrays.copyOfRange(initrd, 4_999_990, 5_000_000));
        assertThat(curlBody("/initrd", "-r", "4999990-99999999"))
                .isEqualTo(Arrays.copyOfRange(initrd, 4_999_990, 5_000_000));
        assertThat(curl("/kernel", "-r", "5-9", "-o", "/dev/null", "-D", "-"))
                .contains("HTTP/1.1 206", "Content-Range: bytes 5-9/300000", "Content-Length: 5\r");
    }

    @Test
    void rangesBehindTheEndAreNotSatisfiable() {
        assertThat(curl("/kernel", "-r", "300000-")).contains("HTTP/1.1 416", "Content-Range: bytes */300000");
    }

    @Test
    void rangesThatWeDoNotServeGiveTheWhole() {
        for (String range : new String[] {"bytes=0-1,5-6", "bytes=9-5", "lines=1-2", "bytes=x"}) {
            assertThat(curlBody("/kernel", "-H", "Range: " + range)).isEqualTo(kernel);
        }
    }

    @Test
    void aResumedFetchNeverMixesTwoFiles() {
        String etag = curl("/kernel", "-I").replaceAll("(?s).*ETag: (\"[0-9a-f]{64}\").*", "$1");
        assertThat(curlBody("/kernel", "-r", "10-", "-H", "If-Range: " + etag)).hasSize(kernel.length - 10);
        assertThat(curlBody("/kernel", "-r", "10-", "-H", "If-Range: \"of another kernel\""))
                .isEqualTo(kernel);
        assertThat(curl("/kernel", "-H", "If-None-Match: " + etag)).contains("HTTP/1.1 304");
    }

    @Test
    void phasesAreShownToTheOperator() {
        String bootId = bootId();
        // As busybox wget posts: it calls everything a form.
        assertThat(curl("/phases", "--data-binary", "boot-id=" + bootId + "\nagent 1.25\nkexec 4\n"))
                .contains("HTTP/1.1 204");
        assertThat(curl("/phases", "--data-binary", "boot-id=" + bootId + "\ninit 30.5\nfailed 31 no disk here\n"))
                .contains("HTTP/1.1 204");
        String boots = admin("-H", "Authorization: " + authorization());
        assertThat(boots)
                .contains("\"bootId\":\"" + bootId + "\",\"guest\":\"127.0.0.1\"")
                .contains("{\"phase\":\"agent\",\"seconds\":1.25,\"received\":\"20")
                .contains("\"failed\":\"no disk here\"");
        assertThat(run("curl", "-s", "http://127.0.0.1:" + ACTUATOR + "/actuator/prometheus"))
                .contains("stiefel_boot_phase_seconds{phase=\"init\"} 30.5")
                .contains("stiefel_payload_bytes_total{file=\"kernel\"}")
                .contains("stiefel_payload_seconds_count{path=\"/manifest\"}");
    }

    @Test
    void badReportsAreRefused() {
        assertThat(curl("/phases", "-d", "boot-id=00000000000000000000000000000000"))
                .contains("HTTP/1.1 404", "application/problem+json");
        assertThat(curl("/phases", "-d", "rubbish")).contains("HTTP/1.1 400", "Line 1 is not boot-id=<32 hex>");
        assertThat(curl("/phases", "-d", "x".repeat(100_000))).contains("HTTP/1.1 400", "at most 4096 bytes");
    }

    @Test
    void adminWantsTokenAndHost() {
        assertThat(admin()).contains("HTTP/1.1 401", "WWW-Authenticate: Bearer");
        assertThat(admin("-H", "Authorization: Bearer " + "0".repeat(64))).contains("HTTP/1.1 401");
        for (String host : new String[] {"evil.example", "127.0.0.1.evil.example", "127.0.0.1:x", ""}) {
            assertThat(admin("-H", "Authorization: " + authorization(), "-H", "Host: " + host))
                    .doesNotContain("HTTP/1.1 200");
        }
        for (String host : new String[] {"127.0.0.1", "localhost:4654", "[::1]:4654"}) {
            assertThat(admin("-H", "Authorization: " + authorization(), "-H", "Host: " + host))
                    .contains("HTTP/1.1 200");
        }
    }

    @Test
    void listenTakesOnlyALinkLocalAddressWithALinkOfThisMachine() {
        for (String address : new String[] {
            "",
            "eth0",
            "127.0.0.1",
            "0.0.0.0",
            "169.254.1.1",
            "::",
            "::1",
            "fd00::1%lo",
            "2001:db8::1",
            "fe80::1",
            "fe80::1%0",
            "fe80::1%nope0",
            "fe80::1%99999",
            "fe80::1%4294967295",
            "fe80::1%-1",
            "[fe80::1%lo]",
            "evil.example"
        }) {
            assertThat(listen("{\"address\":\"" + address + "\"}"))
                    .as(address)
                    .contains("HTTP/1.1 400", "Content-Type: application/problem+json")
                    .contains("an IPv6 link-local address with a link of this machine");
        }
        for (String rubbish :
                new String[] {"", "rubbish", "{}", "[]", "null", "{\"address\":null}", "{\"address\":[]}"}) {
            assertThat(listen(rubbish)).as(rubbish).contains("HTTP/1.1 400", "Content-Type: application/problem+json");
        }
        assertThat(curl("/manifest")).as("and stays where it is").contains("HTTP/1.1 200");
    }

    @Test
    void listenWantsTheTokenAndTheAdminsDoor() {
        String body = "{\"address\":\"::1\"}";
        assertThat(run("curl", "-si", "-X", "PUT", "-d", body, adminUrl("/listen")))
                .contains("HTTP/1.1 401");
        assertThat(curl("/listen", "-X", "PUT", "-d", body, "-H", "Authorization: " + authorization()))
                .contains("HTTP/1.1 404");
        assertThat(run("curl", "-si", "-H", "Authorization: " + authorization(), adminUrl("/listen")))
                .contains("HTTP/1.1 405");
    }

    @Test
    void whatIsNoHttpGetsAProblemAndNoMore() throws IOException {
        for (String rubbish :
                new String[] {"RUBBISH\r\n\r\n", "\0\0\0\0\r\n\r\n", "GET /\\x HTTP/1.1\r\nHost: a\r\n\r\n"}) {
            try (Socket stranger = new Socket(InetAddress.ofLiteral("127.0.0.1"), LINK)) {
                stranger.setSoTimeout(5000);
                stranger.getOutputStream().write(rubbish.getBytes(StandardCharsets.US_ASCII));
                assertThat(new String(stranger.getInputStream().readAllBytes(), StandardCharsets.US_ASCII))
                        .startsWith("HTTP/1.1 404")
                        .contains("application/problem+json");
            }
        }
    }

    @Test
    void eachPathIsBehindItsOwnDoor() {
        for (String path : new String[] {
            "/", "/boots", "/actuator/health", "/manifest/", "/manifest;x", "/%6danifest", "/../etc/passwd", "/error"
        }) {
            assertThat(curl(path, "--path-as-is", "-H", "Authorization: " + authorization()))
                    .as(path)
                    .containsAnyOf("HTTP/1.1 404", "HTTP/1.1 400");
        }
        assertThat(curl("/nothing")).contains("application/problem+json");
        assertThat(curl("/../etc/passwd", "--path-as-is", "-m", "3")).contains("There is nothing at this path.");
        assertThat(run("curl", "-si", "-H", "Authorization: " + authorization(), adminUrl("/manifest")))
                .contains("HTTP/1.1 404");
        assertThat(run("curl", "-si", "http://127.0.0.1:" + ACTUATOR + "/boots"))
                .contains("HTTP/1.1 404");
        assertThat(run("curl", "-s", "http://127.0.0.1:" + ACTUATOR + "/actuator/health"))
                .isEqualTo("{\"status\":\"UP\"}");
    }

    @Test
    void hugeHeadersAreRefused() {
        assertThat(curl("/manifest", "-H", "X: " + "x".repeat(20_000))).contains("HTTP/1.1 400");
    }

    @Test
    void startWithoutAPayloadIsRefusedWithWords() throws IOException {
        assertThat(refusal()).hasMessageStartingWith("There is no payload to deliver");
        assertThat(refusal("--stiefel.payload.boot-dir=" + temporary)).hasMessageStartingWith("There is no kernel");
        assertThat(refusal("--stiefel.payload.kernel=/nope", "--stiefel.payload.initrd=/nope"))
                .hasMessageContaining("--kernel, --initrd and --cmdline belong together");
        assertThat(refusal(
                        "--stiefel.payload.kernel=/nope",
                        "--stiefel.payload.initrd=/nope",
                        "--stiefel.payload.cmdline=ro"))
                .hasMessage("The kernel /nope is not there");
        assertThat(refusal("--stiefel.payload.boot-dir=/boot", "--stiefel.payload.kernel=/nope"))
                .hasMessage("Both a boot directory and single files were named");
    }

    @Test
    void startOnAPortInUseNamesItsHolder() throws IOException {
        Throwable failure = catchThrowable(() -> PayloadApplication.builder()
                .run(arguments(LINK, "--stiefel.payload.boot-dir=" + temporary.resolve("boot")))
                .close());
        assertThat(cause(failure))
                .hasMessageContaining("TCP port " + LINK + " at 127.0.0.1 is in use by ")
                .hasMessageContaining("(pid " + ProcessHandle.current().pid() + ")");
    }

    private static CannotStart refusal(String... more) {
        Throwable failure = catchThrowable(
                () -> PayloadApplication.builder().run(arguments(0, more)).close());
        return cause(failure);
    }

    private static CannotStart cause(Throwable failure) {
        Throwable cause = failure;
        while (cause != null && !(cause instanceof CannotStart)) {
            cause = cause.getCause();
        }
        return Objects.requireNonNull((CannotStart) cause, "It started, or failed in another way");
    }

    private static String[] arguments(int port, String... more) {
        List<String> arguments = new ArrayList<>(
                List.of("--stiefel.payload.port=" + port, "--stiefel.run-dir=" + temporary.resolve("run")));
        for (String other : List.of("admin-port", "actuator-port")) {
            if (Arrays.stream(more).noneMatch(argument -> argument.contains(other))) {
                arguments.add("--stiefel.payload." + other + "=0");
            }
        }
        arguments.addAll(List.of(more));
        return arguments.toArray(String[]::new);
    }

    private static String bootId() {
        return curl("/manifest", "-H", "Accept: text/plain").replaceAll("(?s).*boot-id=([0-9a-f]{32}).*", "$1");
    }

    private static String authorization() {
        try {
            return "Bearer "
                    + Files.readString(temporary.resolve("run/admin.token")).strip();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String admin(String... options) {
        List<String> command = new ArrayList<>(List.of("curl", "-si"));
        command.addAll(List.of(options));
        command.add(adminUrl("/boots"));
        return run(command.toArray(String[]::new));
    }

    private static String listen(String body) {
        return run(
                "curl",
                "-si",
                "-X",
                "PUT",
                "-H",
                "Authorization: " + authorization(),
                "-H",
                "Content-Type: application/json",
                "-d",
                body,
                adminUrl("/listen"));
    }

    private static String adminUrl(String path) {
        return "http://127.0.0.1:" + ADMIN + path;
    }

    private static String curl(String path, String... options) {
        List<String> command = new ArrayList<>(List.of("curl", "-si"));
        command.addAll(List.of(options));
        command.add("http://127.0.0.1:" + LINK + path);
        return run(command.toArray(String[]::new));
    }

    private static byte[] curlBody(String path, String... options) {
        List<String> command = new ArrayList<>(List.of("curl", "-s"));
        command.addAll(List.of(options));
        command.add("http://127.0.0.1:" + LINK + path);
        return output(command.toArray(String[]::new));
    }

    private static String run(String... command) {
        return new String(output(command), StandardCharsets.ISO_8859_1);
    }

    private static byte[] output(String... command) {
        try {
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            return process.getInputStream().readAllBytes();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
