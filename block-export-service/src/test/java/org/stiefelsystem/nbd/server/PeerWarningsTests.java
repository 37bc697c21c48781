package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.text.MessageFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.ResourceBundle;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

/** A hostile peer does not fill the log. */
@NullUnmarked
class PeerWarningsTests {

    private final List<String> logged = new ArrayList<>();

    private final System.Logger log = new System.Logger() {
        @Override
        public String getName() {
            return "test";
        }

        @Override
        public boolean isLoggable(Level level) {
            return true;
        }

        @Override
        public void log(Level level, ResourceBundle bundle, String words, Throwable thrown) {
            logged.add(words);
        }

        @Override
        public void log(Level level, ResourceBundle bundle, String words, Object... arguments) {
            logged.add(MessageFormat.format(words, arguments));
        }
    };

    @Test
    void afterSomeAtOnceThereIsOneEachSecondWhichCountsTheOthers() {
        AtomicLong now = new AtomicLong();
        PeerWarnings warnings = new PeerWarnings(log, System.Logger.Level.WARNING, now::get);
        for (int i = 0; i < 100; i++) {
            warnings.warn("closed {0}", i);
        }
        assertThat(logged).hasSize(20).endsWith("closed 19");
        now.set(1_500_000_000);
        warnings.warn("closed {0}", "x");
        warnings.warn("closed {0}", "y");
        assertThat(logged).hasSize(21).endsWith("closed x (and 80 more that were not logged)");
        now.set(2_000_000_000);
        warnings.warn("closed {0}", "z");
        assertThat(logged).hasSize(22).endsWith("closed z (and 1 more that were not logged)");
    }
}
