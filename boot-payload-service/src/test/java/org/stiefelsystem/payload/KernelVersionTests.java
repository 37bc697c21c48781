package org.stiefelsystem.payload;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class KernelVersionTests {

    /** In the order that {@code dpkg --compare-versions} gives them, but for the candidate before its release. */
    private static final List<String> ORDERED = List.of(
            "5.10.0-30-amd64",
            "6.1.0-9-amd64",
            "6.1.0-10-amd64",
            "6.1.0-50-amd64",
            "6.1.0-56-amd64",
            "6.5.0-0.deb12.1-amd64",
            "6.12-rc7-amd64",
            "6.12-amd64",
            "6.12.0-1-amd64",
            "6.12.9-200.fc41.x86_64",
            "6.12.10-100.fc41.x86_64");

    @Test
    void orderIsThatOfDebian() {
        for (int seed = 0; seed < 20; seed++) {
            List<String> shuffled = new ArrayList<>(ORDERED);
            Collections.shuffle(shuffled, new Random(seed));
            shuffled.sort(KernelVersion.ORDER);
            assertThat(shuffled).isEqualTo(ORDERED);
        }
    }

    @Test
    void numbersOfAnyLengthCompare() {
        assertThat(KernelVersion.compare("6.99999999999999999999", "6.100000000000000000000"))
                .isNegative();
        assertThat(KernelVersion.compare("6.01", "6.1")).isZero();
        assertThat(KernelVersion.compare("6.1~x", "6.1")).isNegative();
        assertThat(KernelVersion.compare("", "")).isZero();
    }
}
