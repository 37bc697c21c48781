package org.stiefelsystem.discovery;

import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/**
 * One datagram of the protocol {@code STIEFEL/1}: printable ASCII, no line end. See "The datagrams" in this module's
 * README.
 */
public sealed interface DiscoveryMessage permits Find, Hello {

    /** The datagram's bytes. */
    byte[] encode();

    /** The question's 32 hex digits, which the answer repeats. */
    String nonce();

    static DiscoveryMessage decode(byte[] datagram) throws MalformedMessage {
        if (datagram.length > Find.LENGTH) {
            throw new MalformedMessage("longer than " + Find.LENGTH + " bytes");
        }
        for (byte b : datagram) {
            if (b < ' ' || b > '~') {
                throw new MalformedMessage("not printable ASCII");
            }
        }
        String text = new String(datagram, StandardCharsets.US_ASCII);
        if (text.startsWith(Find.START)) {
            return Find.decode(text);
        }
        if (text.startsWith(Hello.START)) {
            return Hello.decode(text);
        }
        throw new MalformedMessage("neither FIND nor HELLO of STIEFEL/1");
    }

    /** What a nonce looks like: 128 bits, lower case. */
    Pattern NONCE = Pattern.compile("[0-9a-f]{32}");
}
