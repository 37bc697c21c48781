package org.stiefelsystem.shell;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.boot.convert.DurationStyle;
import org.springframework.util.unit.DataSize;
import org.stiefelsystem.nbd.server.NbdLimits;

class KnownSettingsTests {

    private static final String LIMITS = "stiefel.export.limits.";

    @Test
    void theLimitsAreThoseOfTheBlockExport() {
        Map<String, Object> limits = NbdLimits.defaults().byName();
        assertThat(KnownSettings.DEFAULTS.keySet().stream()
                        .filter(name -> name.startsWith(LIMITS))
                        .map(name -> name.substring(LIMITS.length())))
                .containsExactlyInAnyOrderElementsOf(limits.keySet());
        limits.forEach((name, limit) -> {
            String known = KnownSettings.defaultOf(LIMITS + name);
            if (limit instanceof Duration) {
                assertThat(DurationStyle.detectAndParse(known)).as(name).isEqualTo(limit);
            } else {
                assertThat(DataSize.parse(known).toBytes()).as(name).isEqualTo(((Number) limit).longValue());
            }
        });
    }

    @Test
    void partsOfDisksAndAllowedPathsAreKnown() {
        for (String name : new String[] {
            "stiefel.export.exports[0].offset",
            "stiefel.export.exports[12].size",
            "stiefel.export.exports[0].partition",
            "stiefel.export.exports[0].read-only",
            "stiefel.export.allow-paths",
            "stiefel.export.allow-paths[0]",
            "stiefel.export.limits.connections"
        }) {
            assertThat(KnownSettings.isKnown(name)).as(name).isTrue();
        }
        assertThat(KnownSettings.isKnown("stiefel.export.limits.conections")).isFalse();
        assertThat(KnownSettings.isKnown("stiefel.export.exports[0].parttion")).isFalse();
    }
}
