package org.stiefelsystem.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.stiefelsystem.discovery.Hello.Transport;

class HelloTests {

    private static final String NONCE = "00112233445566778899aabbccddeeff";

    private static final byte[] GOLDEN = HexFormat.of()
            .parseHex(
                    "5354494546454c2f31" // STIEFEL/1
                            + "20" + "48454c4c4f" + "20" // HELLO
                            + "3030313132323333343435353636373738383939616162626363646465656666"
                            + "20" + "706c61696e" + "3d" + "34363434"); // plain=4644

    @Test
    void encodeGivesTheGoldenBytes() {
        assertThat(new Hello(NONCE, Transport.PLAIN, 4644).encode()).isEqualTo(GOLDEN);
    }

    @Test
    void decodeReadsTheGoldenBytes() throws Exception {
        assertThat(DiscoveryMessage.decode(GOLDEN)).isEqualTo(new Hello(NONCE, Transport.PLAIN, 4644));
    }

    @Test
    void decodeReadsWireGuard() throws Exception {
        assertThat(decode("STIEFEL/1 HELLO " + NONCE + " wg=51820"))
                .isEqualTo(new Hello(NONCE, Transport.WIREGUARD, 51820));
    }

    @Test
    void decodeWhenTruncatedAnywhereThrowsOrGivesAShorterPort() throws Exception {
        String text = new String(GOLDEN, StandardCharsets.US_ASCII);
        for (int length = 0; length < text.length() - 3; length++) {
            String truncated = text.substring(0, length);
            assertThatThrownBy(() -> decode(truncated)).isInstanceOf(MalformedMessage.class);
        }
        assertThat(decode(text.substring(0, text.length() - 1))).isEqualTo(new Hello(NONCE, Transport.PLAIN, 464));
    }

    @Test
    void decodeTakesPortsAtTheirLimitsOnly() throws Exception {
        for (String port : new String[] {"0", "04644", "65536", "99999", "4294967295", "-1", "+1", ""}) {
            assertThatThrownBy(() -> decode("STIEFEL/1 HELLO " + NONCE + " plain=" + port))
                    .isInstanceOf(MalformedMessage.class);
        }
        assertThat(decode("STIEFEL/1 HELLO " + NONCE + " plain=1")).isEqualTo(new Hello(NONCE, Transport.PLAIN, 1));
        assertThat(decode("STIEFEL/1 HELLO " + NONCE + " plain=65535"))
                .isEqualTo(new Hello(NONCE, Transport.PLAIN, 65535));
    }

    @Test
    void decodeWhenTransportIsUnknownThrows() {
        assertThatThrownBy(() -> decode("STIEFEL/1 HELLO " + NONCE + " quic=443"))
                .hasMessage("a HELLO with an unknown transport");
    }

    @Test
    void encodeIsNeverLongerThanTheQuestion() {
        for (Transport transport : Transport.values()) {
            assertThat(new Hello(NONCE, transport, 65535).encode()).hasSizeLessThan(Find.LENGTH);
        }
    }

    private static DiscoveryMessage decode(String text) throws MalformedMessage {
        return DiscoveryMessage.decode(text.getBytes(StandardCharsets.US_ASCII));
    }
}
