package org.stiefelsystem.discovery.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class BurstTests {

    private final Burst burst = new Burst();

    @Test
    void aSingleEventIsLookedAtAfterALittleQuiet() {
        assertThat(at(0)).isEqualTo(50);
        burst.end();
        assertThat(at(10_000)).isEqualTo(50);
    }

    @Test
    void eventsOneAfterTheOtherAreLookedAtTogetherButNotForEver() {
        for (int millis = 0; millis <= 450; millis += 30) {
            assertThat(at(millis)).isEqualTo(Math.min(50, 500 - millis));
        }
        assertThat(at(480)).isEqualTo(20);
        assertThat(at(500)).isZero();
        assertThat(at(900)).as("the look is late").isZero();
        burst.end();
        assertThat(at(910)).isEqualTo(50);
    }

    @Test
    void aClockMayBeginBeforeZero() {
        assertThat(at(-500)).isEqualTo(50);
        assertThat(at(-20)).isEqualTo(20);
    }

    private long at(long millis) {
        return burst.event(Duration.ofMillis(millis).toNanos()).toMillis();
    }
}
