package org.stiefelsystem.discovery.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.context.ConfigurableApplicationContext;
import org.stiefelsystem.discovery.CannotStart;

/** The whole service in this JVM, with the loopback as its link: every bad datagram, every refused start. */
class LoopbackIntegrationTests {

    private static final InetAddress LOOPBACK = InetAddress.ofLiteral("127.0.0.1");
    private static final byte[] FIND = "%-256s"
            .formatted("STIEFEL/1 FIND 00112233445566778899aabbccddeeff")
            .getBytes(StandardCharsets.US_ASCII);
    private static final byte[] HELLO =
            "STIEFEL/1 HELLO 00112233445566778899aabbccddeeff plain=4644".getBytes(StandardCharsets.US_ASCII);

    private static final int UDP = freePort();
    private static final int STATE = freePort();
    private static final int ADMIN = freePort();
    private static final int ACTUATOR = freePort();

    @TempDir
    static Path run;

    private static ConfigurableApplicationContext service;

    @BeforeAll
    static void start() {
        service = start(UDP, STATE, ADMIN, ACTUATOR, "--stiefel.transport=plain", "--stiefel.link=lo");
    }

    @AfterAll
    static void stop() {
        service.close();
    }

    @Test
    void anyDatagramOfAnyLengthIsSurvived() throws IOException {
        Random random = new Random(1);
        try (DatagramSocket guest = new DatagramSocket()) {
            for (int length = 0; length <= 2048; length++) {
                byte[] noise = new byte[length];
                random.nextBytes(noise);
                send(guest, noise);
            }
            byte[] acknowledgeToMe = ("ip_ackTo=127.0.0.1:" + guest.getLocalPort()
                            + ";id=00000000-0000-0000-0000-000000000000;" + new String(FIND, StandardCharsets.US_ASCII))
                    .getBytes(StandardCharsets.US_ASCII);
            await().atMost(Duration.ofSeconds(20))
                    .pollInterval(Duration.ofMillis(300))
                    .untilAsserted(() -> {
                        send(guest, acknowledgeToMe);
                        send(guest, FIND);
                        assertThat(receive(guest)).isEqualTo(HELLO);
                    });
        }
        assertThat(metrics())
                .contains("stiefel_discovery_messages_total{outcome=\"malformed\",type=\"other\"}")
                .contains("stiefel_discovery_messages_total{outcome=\"limited\",type=\"other\"}")
                .contains("stiefel_discovery_reply_seconds_count");
    }

    @Test
    void metricsHaveTheLinks() throws Exception {
        assertThat(metrics()).contains("stiefel_link_up{interface=\"lo\"} 1.0");
    }

    @Test
    void whatIsNoHttpGetsAProblemAndNoMore() throws IOException {
        for (String rubbish :
                new String[] {"RUBBISH\r\n\r\n", "\0\0\0\0\r\n\r\n", "GET /\\x HTTP/1.1\r\nHost: a\r\n\r\n"}) {
            try (Socket stranger = new Socket(InetAddress.ofLiteral("127.0.0.1"), STATE)) {
                stranger.setSoTimeout(5000);
                stranger.getOutputStream().write(rubbish.getBytes(StandardCharsets.US_ASCII));
                assertThat(new String(stranger.getInputStream().readAllBytes(), StandardCharsets.US_ASCII))
                        .startsWith("HTTP/1.1 404")
                        .contains("application/problem+json");
            }
        }
    }

    @Test
    void eachPathIsBehindItsOwnDoor() throws Exception {
        assertThat(get(STATE, "/state").body()).isEqualTo("{\"state\":\"serving\"}");
        assertThat(get(ACTUATOR, "/actuator/health").body()).isEqualTo("{\"status\":\"UP\"}");
        for (String path : new String[] {"/", "/actuator/health", "/state/", "/state;x", "/%73tate", "/error"}) {
            HttpResponse<String> answer = get(STATE, path);
            assertThat(answer.statusCode()).isEqualTo(404);
            assertThat(answer.headers().firstValue("Content-Type")).contains("application/problem+json");
        }
        for (String path : new String[] {"/links", "/actuator/prometheus"}) {
            assertThat(get(STATE, path).statusCode()).isEqualTo(404);
        }
        for (String path : new String[] {"/state", "/links", "/actuator", "/actuator/env", "/actuator/health/x"}) {
            assertThat(get(ACTUATOR, path).statusCode()).isEqualTo(404);
        }
    }

    @Test
    void adminTellsTheLinks() throws Exception {
        String links = admin("/links", "Authorization", authorization()).body();
        assertThat(links)
                .contains("\"name\":\"lo\",\"index\":1,\"mac\":\"00:00:00:00:00:00\",\"state\":\"up\",\"mtu\":65536,"
                        + "\"speed\":null,\"addresses\":[\"127.0.0.1/8\"")
                .contains("\"served\":true,\"listening\":\"127.0.0.1\",\"waitingFor\":[],\"since\":\"20");
    }

    @Test
    void adminWantsTheToken() throws Exception {
        for (String authorization :
                List.of("", "Bearer", "Bearer " + "0".repeat(64), authorization() + "0", "Basic eDp5")) {
            HttpResponse<String> answer = admin("/links", "Authorization", authorization);
            assertThat(answer.statusCode()).isEqualTo(401);
            assertThat(answer.headers().firstValue("WWW-Authenticate")).contains("Bearer");
            assertThat(answer.headers().firstValue("Content-Type")).contains("application/problem+json");
            assertThat(answer.body()).doesNotContain("lo");
        }
        assertThat(get(ADMIN, "/links").statusCode()).isEqualTo(401);
    }

    @Test
    void adminWantsAHostThatIsThisMachine() throws IOException {
        for (String host : List.of("evil.example", "127.0.0.1.evil.example", "127.0.0.1:x", "stiefel", "")) {
            assertThat(adminAt(host)).as(host).startsWith("HTTP/1.1 403").contains("application/problem+json");
        }
        for (String host : List.of("127.0.0.1", "localhost:4653", "[::1]:4653")) {
            assertThat(adminAt(host)).as(host).startsWith("HTTP/1.1 200").contains("\"name\":\"lo\"");
        }
    }

    @Test
    void adminHasNoOtherPath() throws Exception {
        for (String path : List.of("/", "/state", "/links/", "/links;x", "/%6cinks", "/actuator/health", "/error")) {
            HttpResponse<String> answer = admin(path, "Authorization", authorization());
            assertThat(answer.statusCode()).as(path).isEqualTo(404);
            assertThat(answer.headers().firstValue("Content-Type")).contains("application/problem+json");
        }
    }

    @Test
    void startWithATokenThatOthersCanReadIsRefused(@TempDir Path other) throws IOException {
        Path token = Files.writeString(other.resolve("admin.token"), "0".repeat(64));
        Files.setPosixFilePermissions(token, PosixFilePermissions.fromString("rw-r-----"));
        assertThat(refusal("--stiefel.transport=plain", "--stiefel.link=lo", "--stiefel.run-dir=" + other))
                .hasMessageContaining("has the mode 0640, and must have 0600");
    }

    @Test
    void startWithWireGuardIsRefusedWithWords() {
        assertThat(refusal())
                .hasMessage("WireGuard comes with a later version")
                .extracting(CannotStart::remedy)
                .asString()
                .startsWith("use --transport plain --link IF");
    }

    @Test
    void startWithoutALinkIsRefusedWithTheLinksThatAreHere() {
        assertThat(refusal("--stiefel.transport=plain").remedy()).contains("--link IF", "lo");
    }

    @Test
    void startWithALinkThatIsNotHereIsRefusedWithThoseThatAre() {
        CannotStart refusal = refusal("--stiefel.transport=plain", "--stiefel.link=nope0");
        assertThat(refusal).hasMessage("There is no link nope0");
        assertThat(refusal.remedy()).contains("lo");
    }

    @Test
    void startAtAnAddressThatIsNotHereIsRefused() {
        assertThat(refusal("--stiefel.transport=plain", "--stiefel.link=lo", "--stiefel.bind=fe80::1%nope0"))
                .hasMessage("stiefel.bind=fe80::1%nope0 is no address of this machine");
        assertThat(refusal("--stiefel.transport=plain", "--stiefel.link=lo", "--stiefel.bind=203.0.113.9"))
                .hasMessageContaining("Cannot listen at TCP port ")
                .hasMessageContaining("at 203.0.113.9");
    }

    @Test
    void startOnAPortInUseNamesItsHolder() {
        String me = "(pid " + ProcessHandle.current().pid() + ")";
        String[] plain = {"--stiefel.transport=plain", "--stiefel.link=lo"};
        assertThat(refusal(UDP, freePort(), freePort(), freePort(), plain))
                .hasMessageContaining("UDP port " + UDP + " is in use by ")
                .hasMessageContaining(me);
        assertThat(refusal(freePort(), freePort(), ADMIN, freePort(), plain))
                .hasMessageContaining("TCP port " + ADMIN + " at 127.0.0.1 is in use by ")
                .hasMessageContaining(me);
        assertThat(refusal(freePort(), STATE, freePort(), freePort(), plain))
                .hasMessageContaining("TCP port " + STATE + " at 127.0.0.1 is in use by ")
                .hasMessageContaining(me);
        assertThat(refusal(freePort(), freePort(), freePort(), ACTUATOR, plain))
                .hasMessageContaining("TCP port " + ACTUATOR + " at 127.0.0.1 is in use by ")
                .hasMessageContaining(me);
    }

    private static ConfigurableApplicationContext start(int udp, int state, int admin, int actuator, String... more) {
        List<String> arguments = new ArrayList<>(List.of(more));
        if (arguments.stream().noneMatch(argument -> argument.startsWith("--stiefel.run-dir="))) {
            arguments.add("--stiefel.run-dir=" + run);
        }
        arguments.add("--stiefel.discovery.port=" + udp);
        arguments.add("--stiefel.discovery.state-port=" + state);
        arguments.add("--stiefel.discovery.admin-port=" + admin);
        arguments.add("--stiefel.discovery.actuator-port=" + actuator);
        return DiscoveryApplication.builder().run(arguments.toArray(String[]::new));
    }

    private static CannotStart refusal(String... arguments) {
        return refusal(freePort(), freePort(), freePort(), freePort(), arguments);
    }

    private static CannotStart refusal(int udp, int state, int admin, int actuator, String... arguments) {
        Throwable failure = catchThrowable(
                () -> start(udp, state, admin, actuator, arguments).close());
        while (failure != null && !(failure instanceof CannotStart)) {
            failure = failure.getCause();
        }
        return Objects.requireNonNull((CannotStart) failure, "It started, or failed in another way");
    }

    private static void send(DatagramSocket from, byte[] datagram) throws IOException {
        from.send(new DatagramPacket(datagram, datagram.length, LOOPBACK, UDP));
    }

    private static byte[] receive(DatagramSocket at) throws IOException {
        at.setSoTimeout(500);
        DatagramPacket packet = new DatagramPacket(new byte[2048], 2048);
        try {
            at.receive(packet);
        } catch (SocketTimeoutException e) {
            return new byte[0];
        }
        return Arrays.copyOf(packet.getData(), packet.getLength());
    }

    private static String metrics() throws IOException {
        try {
            return get(ACTUATOR, "/actuator/prometheus").body();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static HttpResponse<String> get(int port, String path) throws IOException, InterruptedException {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
        }
    }

    private static HttpResponse<String> admin(String path, String header, String value)
            throws IOException, InterruptedException {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + ADMIN + path))
                            .header(header, value)
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
        }
    }

    /** With any Host, which a browser's page chooses by its own name. */
    private static String adminAt(String host) throws IOException {
        try (Socket stranger = new Socket(LOOPBACK, ADMIN)) {
            stranger.setSoTimeout(5000);
            stranger.getOutputStream()
                    .write(("GET /links HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: " + authorization()
                                    + "\r\nConnection: close\r\n\r\n")
                            .getBytes(StandardCharsets.US_ASCII));
            return new String(stranger.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        }
    }

    private static String authorization() throws IOException {
        return "Bearer " + Files.readString(run.resolve("admin.token")).strip();
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, LOOPBACK)) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
