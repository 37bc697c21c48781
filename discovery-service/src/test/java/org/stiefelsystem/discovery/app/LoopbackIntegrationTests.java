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
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
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
    private static final int ACTUATOR = freePort();
    private static ConfigurableApplicationContext service;

    @BeforeAll
    static void start() {
        service = start(UDP, STATE, ACTUATOR, "--stiefel.transport=plain", "--stiefel.link=lo");
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
        for (String path : new String[] {"/state", "/actuator", "/actuator/env", "/actuator/health/x"}) {
            assertThat(get(ACTUATOR, path).statusCode()).isEqualTo(404);
        }
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
        assertThat(refusal(UDP, freePort(), freePort(), plain))
                .hasMessageContaining("UDP port " + UDP + " is in use by ")
                .hasMessageContaining(me);
        assertThat(refusal(freePort(), STATE, freePort(), plain))
                .hasMessageContaining("TCP port " + STATE + " at 127.0.0.1 is in use by ")
                .hasMessageContaining(me);
        assertThat(refusal(freePort(), freePort(), ACTUATOR, plain))
                .hasMessageContaining("TCP port " + ACTUATOR + " at 127.0.0.1 is in use by ")
                .hasMessageContaining(me);
    }

    private static ConfigurableApplicationContext start(int udp, int state, int actuator, String... more) {
        List<String> arguments = new ArrayList<>(List.of(more));
        arguments.add("--stiefel.discovery.port=" + udp);
        arguments.add("--stiefel.discovery.state-port=" + state);
        arguments.add("--stiefel.discovery.actuator-port=" + actuator);
        return DiscoveryApplication.builder().run(arguments.toArray(String[]::new));
    }

    private static CannotStart refusal(String... arguments) {
        return refusal(freePort(), freePort(), freePort(), arguments);
    }

    private static CannotStart refusal(int udp, int state, int actuator, String... arguments) {
        Throwable failure =
                catchThrowable(() -> start(udp, state, actuator, arguments).close());
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

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, LOOPBACK)) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
