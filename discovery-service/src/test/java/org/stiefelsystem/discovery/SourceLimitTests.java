package org.stiefelsystem.discovery;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class SourceLimitTests {

    private final AtomicLong clock = new AtomicLong();
    private final SourceLimit limit = new SourceLimit(new SourceLimit.Rate(3, 2, 4), clock::get);

    @Test
    void admitsTheBurstAndThenTheRate() {
        assertThat(admitted(source(1), 10)).isEqualTo(3);
        clock.addAndGet(Duration.ofSeconds(1).toNanos());
        assertThat(admitted(source(1), 10)).isEqualTo(2);
        clock.addAndGet(Duration.ofHours(1).toNanos());
        assertThat(admitted(source(1), 10)).isEqualTo(3);
    }

    @Test
    void oneSendersFloodDoesNotCostAnother() {
        admitted(source(1), 1000);
        assertThat(admitted(source(2), 1)).isEqualTo(1);
    }

    @Test
    void forgedSendersNeverMakeItRememberMoreThanItsLimit() {
        for (int i = 0; i < 250; i++) {
            admitted(source(i), 1);
        }
        assertThat(limit.sources()).isEqualTo(4);
    }

    private int admitted(InetAddress source, int datagrams) {
        int admitted = 0;
        for (int i = 0; i < datagrams; i++) {
            admitted += limit.admits(source) ? 1 : 0;
        }
        return admitted;
    }

    private static InetAddress source(int i) {
        return InetAddress.ofLiteral("10.0.0." + i);
    }
}
