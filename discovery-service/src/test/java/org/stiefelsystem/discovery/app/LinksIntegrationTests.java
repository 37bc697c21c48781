package org.stiefelsystem.discovery.app;

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
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.MissingNode;

/** The service in a process and a network namespace of its own, asked by socat and curl over cables. */
class LinksIntegrationTests {

    private static final String NONCE = "0123456789abcdef0123456789abcdef";
    private static final String HELLO = "STIEFEL/1 HELLO " + NONCE + " plain=4644";

    private static final Duration DEADLINE = Duration.ofSeconds(20);

    @TempDir
    Path temporary;

    private NetworkNamespaces namespaces;
    private @Nullable Process service;
    private @Nullable Process admins;

    @BeforeEach
    void layCable() {
        NetworkNamespaces.require("ip", "ss", "socat", "curl", "strace");
        namespaces = new NetworkNamespaces();
        namespaces.cable("cable0", "guest0");
    }

    @AfterEach
    void tearDown() throws Exception {
        end(service);
        end(admins);
        if (namespaces != null) {
            namespaces.close();
        }
    }

    @Test
    void multicastIsHeardOnEveryLinkAndAnsweredOnTheNamedOne() throws IOException {
        String address = namespaces.linkLocalOfHost("cable0");
        start("cable0", address + "%cable0");
        assertThat(multicast("guest0")).isEqualTo(HELLO);

        namespaces.onHost("ip", "address", "add", "10.77.0.1/24", "dev", "cable0");
        namespaces.onGuest("ip", "address", "add", "10.77.0.2/24", "dev", "guest0");
        assertThat(broadcast("guest0")).as("nobody listens on IPv4").isEmpty();

        namespaces.cable("later0", "guest1");
        await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> {
            double before = silent();
            assertThat(multicast("guest1")).isEmpty();
            assertThat(silent()).as("heard on a link that appeared later").isGreaterThan(before);
        });
    }

    @Test
    void stateIsServedOnTheNamedLinkAlone() throws IOException {
        String address = namespaces.linkLocalOfHost("cable0");
        namespaces.cable("home0", "guest1");
        start("cable0", address + "%cable0");
        assertThat(namespaces.onGuest("curl", "-s", "-m", "5", "http://[" + address + "%25guest0]:4643/state"))
                .isEqualTo("{\"state\":\"serving\"}");
        assertThat(namespaces.onGuest("curl", "-s", "-m", "2", "http://[" + address + "%25guest1]:4643/state"))
                .isEmpty();
        assertThat(namespaces.onGuest(
                        "curl", "-s", "-m", "5", "http://[" + address + "%25guest0]:4643/actuator/health"))
                .contains("\"status\":404");
    }

    @Test
    void broadcastIsAnsweredWhenTheServicesListenOnIpv4() throws IOException {
        namespaces.onHost("ip", "address", "add", "10.77.0.1/24", "dev", "cable0");
        namespaces.onGuest("ip", "address", "add", "10.77.0.2/24", "dev", "guest0");
        start("cable0", "10.77.0.1");
        assertThat(broadcast("guest0")).isEqualTo(HELLO);
        assertThat(multicast("guest0")).as("nobody listens on IPv6").isEmpty();
    }

    @Test
    void servicesFollowALinkThatIsMadeAnew() throws IOException {
        admins = startJava(
                "admins.log",
                ListenAdmins.class.getName(),
                run().resolve("admin.token").toString());
        await().atMost(Duration.ofSeconds(20)).until(() -> log("admins.log").contains("ready"));
        String address = namespaces.linkLocalOfHost("cable0");
        start("cable0", address + "%cable0");
        JsonNode before = link("cable0");
        assertThat(before.path("state").asString()).isEqualTo("up");
        assertThat(before.path("kind").asString()).isEqualTo("veth");
        assertThat(before.path("mtu").asInt()).isEqualTo(1500);
        assertThat(before.path("addresses")).hasToString("[\"" + address + "/64\"]");
        assertThat(before.path("served").asBoolean()).isTrue();
        assertThat(before.path("listening").asString()).isEqualTo(address + "%cable0");
        assertThat(link("lo").path("served").asBoolean()).isFalse();

        namespaces.onHost("ip", "link", "delete", "cable0");
        awaitLog("cable0 is gone");
        assertThat(link("cable0").isMissingNode()).isTrue();
        assertThat(metric("stiefel_link_up{interface=\"cable0\"}")).isZero();

        namespaces.plugIn("cable0", "02:00:00:00:00:77", "guest0");
        await().atMost(DEADLINE)
                .untilAsserted(() -> assertThat(multicast("guest0")).isEqualTo(HELLO));
        String moved = "fe80::ff:fe00:77";
        assertThat(state(moved)).isEqualTo("{\"state\":\"serving\"}");
        assertThat(log("service.log")).contains("cable0 was down and is brought up", "cable0 is there again");

        await().atMost(DEADLINE)
                .untilAsserted(
                        () -> assertThat(link("cable0").path("waitingFor")).isEmpty());
        JsonNode after = link("cable0");
        assertThat(after.path("index").asInt())
                .isNotEqualTo(before.path("index").asInt());
        assertThat(after.path("mac").asString()).isEqualTo("02:00:00:00:00:77");
        assertThat(after.path("state").asString()).isEqualTo("up");
        assertThat(after.path("listening").asString()).isEqualTo(moved + "%cable0");
        assertThat(metric("stiefel_link_up{interface=\"cable0\"}")).isOne();
        String told = "PUT /listen {\"address\":\"" + moved + "%cable0\"}";
        assertThat(log("admins.log").lines())
                .as("the export refused twice")
                .containsExactlyInAnyOrder(
                        "ready", "4655 404 " + told, "4655 404 " + told, "4655 204 " + told, "4654 204 " + told);
        assertThat(log("service.log")).contains("export does not listen at " + moved + "%cable0 yet: ");
        await().atMost(DEADLINE)
                .untilAsserted(() -> assertThat(namespaces.onHost("ss", "-Hltn", "sport = :4643"))
                        .as("the old door is closed")
                        .contains("[" + moved + "]%cable0:4643")
                        .hasLineCount(1));
    }

    @Test
    void linkThatIsSetDownOrLosesItsCarrierServesAgain() throws IOException {
        String address = namespaces.linkLocalOfHost("cable0");
        start("cable0", address + "%cable0");
        String since = link("cable0").path("since").asString();

        namespaces.onGuest("ip", "link", "set", "guest0", "down");
        awaitLog("cable0 has no carrier");
        assertThat(link("cable0").path("state").asString()).isEqualTo("no carrier");
        assertThat(Instant.parse(link("cable0").path("since").asString())).isAfter(Instant.parse(since));
        assertThat(metric("stiefel_link_up{interface=\"cable0\"}")).isZero();

        namespaces.onGuest("ip", "link", "set", "guest0", "up");
        awaitLog("cable0 is up again");
        assertThat(link("cable0").path("state").asString()).isEqualTo("up");
        assertThat(metric("stiefel_link_up{interface=\"cable0\"}")).isOne();
        await().atMost(DEADLINE)
                .untilAsserted(() -> assertThat(multicast("guest0")).isEqualTo(HELLO));

        namespaces.onHost("ip", "link", "set", "cable0", "down");
        awaitLog("cable0 was down and is brought up, whoever set it down");
        await().atMost(DEADLINE)
                .untilAsserted(() -> assertThat(multicast("guest0")).isEqualTo(HELLO));
        assertThat(state(address)).isEqualTo("{\"state\":\"serving\"}");
        assertThat(link("cable0").path("state").asString()).isEqualTo("up");
        assertThat(link("cable0").path("listening").asString()).isEqualTo(address + "%cable0");
        assertThat(log("service.log")).as("the address has not changed").doesNotContain("the services move there");
    }

    @Test
    void linkWhoseAddressIsTakenFromItHasItAgain() throws IOException {
        String address = namespaces.linkLocalOfHost("cable0");
        start("cable0", address + "%cable0");
        namespaces.onHost("ip", "-6", "address", "flush", "dev", "cable0");
        awaitLog("cable0 had lost its address " + address + " and has it again");
        await().atMost(DEADLINE).untilAsserted(() -> assertThat(state(address)).isEqualTo("{\"state\":\"serving\"}"));
        assertThat(multicast("guest0")).isEqualTo(HELLO);
    }

    @Test
    void nothingIsDoneUntilSomethingChanges() throws Exception {
        start("cable0", namespaces.linkLocalOfHost("cable0") + "%cable0");
        Path trace = temporary.resolve("trace");
        Process strace = namespaces.startOnHost(
                temporary.resolve("strace.log"),
                "strace",
                "-f",
                "-e",
                "trace=execve,openat,socket",
                "-o",
                trace.toString(),
                "-p",
                Long.toString(service().pid()));
        try {
            await().atMost(DEADLINE).until(() -> log("strace.log").contains("attached"));
            // The look that follows the monitor's start by a second may still come.
            await().atMost(DEADLINE).during(Duration.ofSeconds(3)).until(quiet(trace));

            namespaces.onHost("ip", "link", "add", "news0", "type", "veth", "peer", "name", "news1");
            await().atMost(DEADLINE)
                    .untilAsserted(() -> assertThat(Files.readString(trace))
                            .as("a change is looked at")
                            .contains("[\"ip\", \"-j\", \"-d\", \"address\", \"show\"]"));
            await().atMost(DEADLINE).during(Duration.ofSeconds(3)).until(quiet(trace));
        } finally {
            end(strace);
        }
    }

    /** Whether it has not grown since it was last asked. */
    private static Callable<Boolean> quiet(Path file) {
        AtomicLong size = new AtomicLong(-1);
        return () -> {
            long now = Files.size(file);
            return size.getAndSet(now) == now;
        };
    }

    @Test
    void monitorThatEndsIsStartedAgainAndEndsWithTheService() throws Exception {
        start("cable0", namespaces.linkLocalOfHost("cable0") + "%cable0");
        ProcessHandle first = monitor();
        first.destroy();
        awaitLog("`ip -o monitor link address` has ended");
        namespaces.onGuest("ip", "link", "set", "guest0", "down");
        awaitLog("cable0 has no carrier");

        ProcessHandle second = monitor();
        assertThat(second).isNotEqualTo(first);
        service().destroy();
        assertThat(service().waitFor(20, TimeUnit.SECONDS)).isTrue();
        await().atMost(DEADLINE).until(() -> !second.isAlive());
    }

    @Test
    void withoutTheProgramIpTheStartIsRefusedWithWords() throws Exception {
        List<String> command = new ArrayList<>(List.of("env", "PATH=" + temporary));
        command.addAll(
                java(DiscoveryApplication.class.getName(), "--stiefel.transport=plain", "--stiefel.link=cable0"));
        Process refused = namespaces.startOnHost(temporary.resolve("service.log"), command.toArray(String[]::new));
        assertThat(refused.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(log("service.log"))
                .contains("The network links cannot be looked at: Cannot run program \"ip\"")
                .contains("This needs the program ip of iproute2, and not another one of that name");
    }

    /**
     * The admin APIs of the two other services, in the host's namespace. That of the export is not there yet for the first
     * two requests.
     */
    static final class ListenAdmins {

        private ListenAdmins() {}

        public static void main(String[] arguments) throws IOException {
            AtomicInteger early = new AtomicInteger(2);
            for (int port : new int[] {4654, 4655}) {
                HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
                server.createContext("/", exchange -> {
                    String token =
                            "Bearer " + Files.readString(Path.of(arguments[0])).strip();
                    boolean ours = token.equals(exchange.getRequestHeaders().getFirst("Authorization"));
                    int status = !ours ? 401 : port == 4655 && early.getAndDecrement() > 0 ? 404 : 204;
                    System.out.println(port + " " + status + " " + exchange.getRequestMethod() + " "
                            + exchange.getRequestURI() + " "
                            + new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
                    exchange.sendResponseHeaders(status, -1);
                    exchange.close();
                });
                server.start();
            }
            System.out.println("ready");
        }
    }

    private void start(String link, String bind) throws IOException {
        Process started = startJava(
                "service.log",
                DiscoveryApplication.class.getName(),
                "--stiefel.transport=plain",
                "--stiefel.link=" + link,
                "--stiefel.bind=" + bind,
                "--stiefel.run-dir=" + run());
        service = started;
        await().atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(200))
                .until(() -> {
                    if (!started.isAlive()) {
                        throw new IllegalStateException("The service ended:\n" + log("service.log"));
                    }
                    return namespaces
                            .onHost("curl", "-s", "http://127.0.0.1:4663/actuator/health")
                            .contains("UP");
                });
    }

    private Process startJava(String log, String main, String... arguments) throws IOException {
        return namespaces.startOnHost(
                temporary.resolve(log), java(main, arguments).toArray(String[]::new));
    }

    private static List<String> java(String main, String... arguments) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                main));
        command.addAll(List.of(arguments));
        return command;
    }

    private static void end(@Nullable Process process) throws InterruptedException {
        if (process != null) {
            process.destroy();
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        }
    }

    private Process service() {
        return Objects.requireNonNull(service);
    }

    private ProcessHandle monitor() {
        return service()
                .descendants()
                .filter(child -> child.info().commandLine().orElse("").contains("monitor"))
                .findFirst()
                .orElseThrow();
    }

    private Path run() {
        return temporary.resolve("run");
    }

    private String log(String name) throws IOException {
        return Files.readString(temporary.resolve(name));
    }

    private void awaitLog(String words) {
        await().atMost(DEADLINE)
                .untilAsserted(() -> assertThat(log("service.log")).contains(words));
    }

    private String state(String address) {
        return namespaces.onGuest("curl", "-s", "-m", "5", "http://[" + address + "%25guest0]:4643/state");
    }

    /** As the admin API tells it; a missing node when it does not. */
    private JsonNode link(String name) throws IOException {
        String links = namespaces.onHost(
                "curl",
                "-s",
                "-H",
                "Authorization: Bearer "
                        + Files.readString(run().resolve("admin.token")).strip(),
                "http://127.0.0.1:4653/links");
        for (JsonNode link : new JsonMapper().readTree(links)) {
            if (link.path("name").asString().equals(name)) {
                return link;
            }
        }
        return MissingNode.getInstance();
    }

    private double metric(String name) {
        return namespaces
                .onHost("curl", "-s", "http://127.0.0.1:4663/actuator/prometheus")
                .lines()
                .filter(line -> line.startsWith(name))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.indexOf(' ') + 1)))
                .sum();
    }

    private String multicast(String guestEnd) {
        return ask("UDP6-DATAGRAM:[ff02::1%" + guestEnd + "]:61570,so-bindtodevice=" + guestEnd);
    }

    private String broadcast(String guestEnd) {
        return ask("UDP4-DATAGRAM:255.255.255.255:61570,broadcast,so-bindtodevice=" + guestEnd);
    }

    /** What anybody can type: see this module's README. */
    private String ask(String to) {
        return namespaces.onGuest(
                "sh", "-c", "printf '%-256s' 'STIEFEL/1 FIND " + NONCE + "' | socat -T1 -t1 - '" + to + "'");
    }

    private double silent() {
        return metric("stiefel_discovery_messages_total{outcome=\"silent\",type=\"find\"}");
    }
}
