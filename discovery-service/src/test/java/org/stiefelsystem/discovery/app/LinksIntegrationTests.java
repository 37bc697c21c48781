package org.stiefelsystem.discovery.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The service in a process and a network namespace of its own, asked by socat and curl over cables. */
class LinksIntegrationTests {

    private static final String NONCE = "0123456789abcdef0123456789abcdef";
    private static final String HELLO = "STIEFEL/1 HELLO " + NONCE + " plain=4644";

    @TempDir
    Path temporary;

    private NetworkNamespaces namespaces;
    private @Nullable Process service;

    @BeforeEach
    void layCable() {
        NetworkNamespaces.require("ip", "socat", "curl");
        namespaces = new NetworkNamespaces();
        namespaces.cable("cable0", "guest0");
    }

    @AfterEach
    void tearDown() throws Exception {
        if (service != null) {
            service.destroy();
            if (!service.waitFor(10, TimeUnit.SECONDS)) {
                service.destroyForcibly();
            }
        }
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

        // The cable is pulled out with its adapter, and another adapter of that name comes.
        namespaces.onHost("ip", "link", "delete", "cable0");
        namespaces.cable("cable0", "guest0");
        await().atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> assertThat(multicast("guest0")).isEqualTo(HELLO));
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

    private void start(String link, String bind) throws IOException {
        Path log = temporary.resolve("service.log");
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                DiscoveryApplication.class.getName(),
                "--stiefel.transport=plain",
                "--stiefel.link=" + link,
                "--stiefel.bind=" + bind));
        Process started = namespaces.startOnHost(log, command.toArray(String[]::new));
        service = started;
        await().atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(200))
                .until(() -> {
                    if (!started.isAlive()) {
                        throw new IllegalStateException("The service ended:\n" + Files.readString(log));
                    }
                    return namespaces
                            .onHost("curl", "-s", "http://127.0.0.1:4663/actuator/health")
                            .contains("UP");
                });
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
        return namespaces
                .onHost("curl", "-s", "http://127.0.0.1:4663/actuator/prometheus")
                .lines()
                .filter(line -> line.startsWith("stiefel_discovery_messages_total{outcome=\"silent\",type=\"find\"}"))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.indexOf(' ') + 1)))
                .sum();
    }
}
