package org.stiefelsystem.payload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.stiefelsystem.payload.Boot.PhaseReached;
import org.stiefelsystem.payload.PhaseReport.PhaseTime;

class BootsTests {

    private static final Instant NOW = Instant.parse("2026-11-22T12:30:00Z");

    private final Boots boots = new Boots(Clock.fixed(NOW, ZoneOffset.UTC));

    @Test
    void timelineIsInTheOrderOfThePhasesWhateverTheReportsOrder() throws Exception {
        BootId id = BootId.random();
        boots.started(id, "fe80::2%br0");
        boots.report(new PhaseReport(id, List.of(new PhaseTime(Phase.NBD, 9)), null));
        boots.report(new PhaseReport(
                id, List.of(new PhaseTime(Phase.KEXEC, 4), new PhaseTime(Phase.AGENT, 1)), "no disk here"));
        assertThat(boots.newestFirst())
                .containsExactly(new Boot(
                        id.hex(),
                        "fe80::2%br0",
                        NOW,
                        List.of(
                                new PhaseReached("agent", 1, NOW),
                                new PhaseReached("kexec", 4, NOW),
                                new PhaseReached("nbd", 9, NOW)),
                        "no disk here"));
    }

    @Test
    void aBootThatNobodyStartedIsUnknown() {
        assertThatThrownBy(() -> boots.report(new PhaseReport(BootId.random(), List.of(), null)))
                .isInstanceOf(UnknownBoot.class);
    }

    @Test
    void theNewest64AreRememberedNewestFirst() {
        for (int i = 0; i < 200; i++) {
            boots.started(BootId.random(), "10.0.0." + i);
        }
        assertThat(boots.newestFirst()).hasSize(64);
        assertThat(boots.newestFirst().getFirst().guest()).isEqualTo("10.0.0.199");
    }
}
