package org.stiefelsystem.discovery;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DiscoveryMessageTests {

    @Test
    void decodeOfAnythingUpTo2048BytesIsMalformedAndNothingElse() {
        Random random = new Random(61570);
        for (int length = 0; length <= 2048; length++) {
            byte[] noise = new byte[length];
            random.nextBytes(noise);
            assertThatThrownBy(() -> DiscoveryMessage.decode(noise)).isInstanceOf(MalformedMessage.class);
        }
    }

    @Test
    void decodeOfAnythingBehindOurStartIsMalformedAndNothingElse() {
        Random random = new Random(4644);
        for (int round = 0; round < 20_000; round++) {
            StringBuilder text = new StringBuilder(random.nextBoolean() ? Find.START : Hello.START);
            int length = random.nextInt(300);
            while (text.length() < length) {
                text.append((char) (' ' + random.nextInt('~' - ' ' + 1)));
            }
            byte[] datagram = text.toString().getBytes(StandardCharsets.US_ASCII);
            assertThatThrownBy(() -> DiscoveryMessage.decode(datagram)).isInstanceOf(MalformedMessage.class);
        }
    }

    @Test
    void decodeOfAnotherVersionThrows() {
        assertThatThrownBy(() -> DiscoveryMessage.decode("STIEFEL/2 FIND".getBytes(StandardCharsets.US_ASCII)))
                .hasMessage("neither FIND nor HELLO of STIEFEL/1");
    }
}
