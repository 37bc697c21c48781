package org.stiefelsystem.shell;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BytesTests {

    @ParameterizedTest
    @CsvSource({
        "0, 0 B",
        "999, 999 B",
        "1000, 1.0 kB",
        "99949, 99.9 kB",
        "99950, 100 kB",
        "999499, 999 kB",
        "999500, 1.0 MB",
        "3221225472, 3.2 GB",
        "9223372036854775807, 9.2 EB"
    })
    void wordsHaveThreeDigitsAtMost(long bytes, String words) {
        assertThat(Bytes.words(bytes)).isEqualTo(words);
    }
}
