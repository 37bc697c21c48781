package org.stiefelsystem.nbd.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;
import org.stiefelsystem.nbd.export.RefusedException;
import org.stiefelsystem.nbd.server.NbdLimits;

/** {@code stiefel.export.limits.*}, and what the README says of them. */
@NullUnmarked
class LimitSettingsTests {

    private static final Pattern README_ROW = Pattern.compile("\\| `([a-z-]+)` \\| (\\w+) \\| .+ \\|");

    @Test
    void nothingSetIsTheDefaults() throws RefusedException {
        assertThat(LimitSettings.limits(Map.of())).isEqualTo(NbdLimits.defaults());
    }

    @Test
    void theReadmeShowsEachLimitWithItsDefault() throws IOException {
        Map<String, String> shown = new LinkedHashMap<>();
        String readme = Files.readString(Path.of("README.md"));
        readme.substring(readme.indexOf("\n## Limits"), readme.indexOf("\n## Poke it"))
                .lines()
                .forEach(line -> {
                    Matcher row = README_ROW.matcher(line);
                    if (row.matches()) {
                        shown.put(row.group(1), row.group(2));
                    }
                });
        assertThat(shown).containsOnlyKeys(NbdLimits.defaults().byName().keySet());
        for (Map.Entry<String, String> row : shown.entrySet()) {
            assertThat(LimitSettings.limits(Map.of(row.getKey(), row.getValue())))
                    .as(row.toString())
                    .isEqualTo(NbdLimits.defaults());
        }
    }

    @Test
    void eachIsSetByItsName() throws RefusedException {
        NbdLimits limits = LimitSettings.limits(Map.of(
                "handshake-deadline", "2500ms",
                "connections", "7",
                "bufferBytes", "1MB",
                "receivebytes", "65536",
                "stop-grace", "1m",
                "stop-limit", "2m"));
        assertThat(limits.handshakeDeadline()).isEqualTo(Duration.ofMillis(2500));
        assertThat(limits.connections()).isEqualTo(7);
        assertThat(limits.bufferBytes()).isEqualTo(1 << 20);
        assertThat(limits.receiveBytes()).isEqualTo(1 << 16);
        assertThat(limits.stopLimit()).isEqualTo(Duration.ofMinutes(2));
        assertThat(limits.connectionsPerPeer()).isEqualTo(NbdLimits.defaults().connectionsPerPeer());
    }

    @Test
    void aLimitThatMakesNoSenseIsRefusedWithItsNameItsValueAndWhatItMayBe() {
        String[][] wrong = {
            {"handshake-deadline", "0s", "stiefel.export.limits.handshake-deadline is 0s, and may be 100ms to 600s."},
            {"handshake-deadline", "1d", "stiefel.export.limits.handshake-deadline is 86400s, and may be 100ms to 600s."
            },
            {"handshake-deadline", "-1s", "stiefel.export.limits.handshake-deadline is -1s, and may be 100ms to 600s."},
            {"options-per-handshake", "3", "stiefel.export.limits.options-per-handshake is 3, and may be 4 to 65536."},
            {"option-bytes", "4159", "stiefel.export.limits.option-bytes is 4159, and may be 4160 to 1048576."},
            {"skipped-option-bytes", "8191", "skipped-option-bytes is 8191, and may be 8192 to 67108864."},
            {
                "request-bytes",
                "128MB",
                "stiefel.export.limits.request-bytes is 134217728, and may be 1048576 to 67108864."
            },
            {"slow-zero-bytes", "1023KB", "slow-zero-bytes is 1047552, and may be 1048576 to 1099511627776."},
            {"extents-per-reply", "32769", "extents-per-reply is 32769, and may be 1 to 32768."},
            {"connections", "0", "stiefel.export.limits.connections is 0, and may be 1 to 65536."},
            {"connections", "-1", "stiefel.export.limits.connections is -1, and may be 1 to 65536."},
            {"connections", "many", "stiefel.export.limits.connections is \"many\", which is no number"},
            {"connections", "99999999999", "stiefel.export.limits.connections is \"99999999999\", which is no number"},
            {"connections", "", "stiefel.export.limits.connections is \"\", which is no number"},
            {"receive-bytes", "1KB", "stiefel.export.limits.receive-bytes is 1024, and may be 32768 to 16777216."},
            {"reply-bytes-in-memory", "1MB", "reply-bytes-in-memory is 1048576, and may be 33554432 to 2147483647."},
            {"buffer-bytes", "-1", "stiefel.export.limits.buffer-bytes is -1, and may be 0 to 1099511627776."},
            {"send-stall", "soon", "stiefel.export.limits.send-stall is \"soon\", which is no duration."},
            {"stop-limit", "1s", "stiefel.export.limits.stop-limit is 1s, and may be 5s to 600s."},
            {"no-such-limit", "1", "There is no setting stiefel.export.limits.no-such-limit."},
        };
        for (String[] setting : wrong) {
            assertThatExceptionOfType(RefusedException.class)
                    .isThrownBy(() -> LimitSettings.limits(Map.of(setting[0], setting[1])))
                    .satisfies(refused -> {
                        assertThat(refused.what()).contains(setting[2]);
                        assertThat(refused.remedy()).isNotBlank();
                    });
        }
    }
}
