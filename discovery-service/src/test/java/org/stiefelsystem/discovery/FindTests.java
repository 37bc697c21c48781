package org.stiefelsystem.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class FindTests {

    private static final String NONCE = "00112233445566778899aabbccddeeff";

    /** As {@code printf '%-256s' "STIEFEL/1 FIND 0011…"} makes it. */
    private static final byte[] GOLDEN = HexFormat.of()
            .parseHex(
                    "5354494546454c2f31" // STIEFEL/1
                            + "20" + "46494e44" + "20" // FIND
                            + "3030313132323333343435353636373738383939616162626363646465656666"
                            + "20".repeat(209));

    @Test
    void encodeGivesTheGoldenBytes() {
        assertThat(GOLDEN).hasSize(256);
        assertThat(new Find(NONCE).encode()).isEqualTo(GOLDEN);
    }

    @Test
    void decodeReadsTheGoldenBytes() throws Exception {
        assertThat(DiscoveryMessage.decode(GOLDEN)).isEqualTo(new Find(NONCE));
    }

    @Test
    void decodeTakesAnyPrintablePadding() throws Exception {
        byte[] padded = GOLDEN.clone();
        Arrays.fill(padded, 48, 256, (byte) '~');
        assertThat(DiscoveryMessage.decode(padded)).isEqualTo(new Find(NONCE));
    }

    @Test
    void decodeWhenTruncatedAnywhereThrows() {
        for (int length = 0; length < GOLDEN.length; length++) {
            byte[] truncated = Arrays.copyOf(GOLDEN, length);
            assertThatThrownBy(() -> DiscoveryMessage.decode(truncated)).isInstanceOf(MalformedMessage.class);
        }
    }

    @Test
    void decodeWhenOneByteLongerThrows() {
        byte[] longer = Arrays.copyOf(GOLDEN, 257);
        longer[256] = ' ';
        assertThatThrownBy(() -> DiscoveryMessage.decode(longer)).hasMessage("longer than 256 bytes");
    }

    @Test
    void decodeWhenAnyByteOfTheFixedPartDiffersThrows() {
        for (int at = 0; at < 48; at++) {
            byte[] changed = GOLDEN.clone();
            changed[at] = '?';
            assertThatThrownBy(() -> DiscoveryMessage.decode(changed)).isInstanceOf(MalformedMessage.class);
        }
    }

    @Test
    void decodeWhenHexIsUpperCaseThrows() {
        byte[] upper = new String(GOLDEN, StandardCharsets.US_ASCII)
                .replace("aabb", "AABB")
                .getBytes(StandardCharsets.US_ASCII);
        assertThatThrownBy(() -> DiscoveryMessage.decode(upper)).isInstanceOf(MalformedMessage.class);
    }

    @Test
    void decodeWhenPaddingIsNotPrintableThrows() {
        for (int unprintable : new int[] {0, '\n', 0x1f, 0x7f, 0x80, 0xff}) {
            byte[] padded = GOLDEN.clone();
            padded[255] = (byte) unprintable;
            assertThatThrownBy(() -> DiscoveryMessage.decode(padded)).hasMessage("not printable ASCII");
        }
    }
}
