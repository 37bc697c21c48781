package org.stiefelsystem.compose;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.parallel.Isolated;

/** One boot under docker-compose. It happens once, in {@link #boot}; each test then asserts one thing of what was seen. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Isolated("each looks at what others leave on this machine")
class ComposeIntegrationTests {

    private static final Duration BOOT = Duration.ofMinutes(5);
    /** Prometheus scrapes every second; a busy machine makes it late. */
    private static final Duration SCRAPED = Duration.ofSeconds(30);

    private final Map<String, String> health = new TreeMap<>();
    private final Map<String, Double> up = new TreeMap<>();
    private final Map<String, Double> phases = new TreeMap<>();
    private double questions;
    private double payloadBytes;
    private double readBytes;
    private double connections;
    private long payloadSize;
    private @Nullable ComposeStack stack;

    @BeforeAll
    void boot() throws Exception {
        Project.requiresDocker();
        ComposeStack started = ComposeStack.of(Project.underTest());
        stack = started;
        try {
            started.up();
            for (String service : new String[] {"discovery", "payload", "export", "prometheus"}) {
                health.put(service, started.health(service));
            }
            started.awaitConsole("stiefel: StiefelOS agent", BOOT);
            started.awaitConsole("stiefel: kernel and initrd verified", BOOT);
            started.awaitConsole("stiefel: handing over to the system's own initrd", BOOT);
            started.awaitConsole("thinkpad login:", BOOT);
            payloadSize = started.payloadSize();
            observe(started.prometheus());
        } catch (Exception | AssertionError e) {
            System.out.println(started.logs());
            throw e;
        }
    }

    private void observe(Prometheus prometheus) throws Exception {
        Awaitility.await("the last phase in Prometheus")
                .atMost(SCRAPED)
                .until(() -> prometheus.value("stiefel_boot_phase_seconds{phase=\"init\"}") > 0);
        Awaitility.await("what was read in Prometheus")
                .atMost(SCRAPED)
                .until(() -> prometheus.value("sum(stiefel_nbd_bytes_total{direction=\"read\"})") > 20e6);
        up.putAll(prometheus.valuesBy("service", "up{job=\"stiefel\"}"));
        phases.putAll(prometheus.valuesBy("phase", "stiefel_boot_phase_seconds"));
        questions = prometheus.value("sum(stiefel_discovery_messages_total{type=\"find\",outcome=\"answered\"})");
        payloadBytes = prometheus.value("sum(stiefel_payload_bytes_total)");
        readBytes = prometheus.value("sum(stiefel_nbd_bytes_total{direction=\"read\"})");
        connections = prometheus.value("sum(stiefel_nbd_connections)");
    }

    @AfterAll
    void tearDown() throws Exception {
        ComposeStack started = stack;
        if (started != null) {
            started.close();
        }
    }

    @Test
    void everyServiceIsHealthyBeforeTheDesktopIsSwitchedOn() {
        assertThat(health)
                .containsOnlyKeys("discovery", "export", "payload", "prometheus")
                .allSatisfy((service, status) -> assertThat(status).as(service).isEqualTo("healthy"));
    }

    @Test
    void prometheusReachesTheThreeServices() {
        assertThat(up).isEqualTo(Map.of("discovery", 1.0, "export", 1.0, "payload", 1.0));
    }

    @Test
    void prometheusSawTheQuestionOfTheDesktop() {
        assertThat(questions).isPositive();
    }

    @Test
    void prometheusSawThePayloadGoOut() {
        assertThat(payloadSize).isPositive();
        assertThat(payloadBytes).isGreaterThanOrEqualTo((double) payloadSize);
    }

    @Test
    void prometheusSeesOneConnectionThatReadTheSystem() {
        assertThat(connections).isEqualTo(1);
        assertThat(readBytes).isGreaterThan(20e6);
    }

    @Test
    void prometheusSawThePhasesOfTheBootInOrder() {
        assertThat(phases.entrySet().stream()
                        .sorted(Map.Entry.comparingByValue())
                        .map(Map.Entry::getKey))
                .as("phases by their time: %s", phases)
                .contains("agent", "link", "host", "manifest", "kernel", "initrd", "verified", "kexec")
                .containsSubsequence("agent", "manifest", "kexec", "root-link", "nbd", "init");
    }
}
