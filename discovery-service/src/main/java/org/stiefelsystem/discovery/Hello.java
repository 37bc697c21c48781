package org.stiefelsystem.discovery;

import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A host's answer: {@code STIEFEL/1 HELLO <the same 32 hex> plain=4644} or {@code wg=51820}. It holds no name and no
 * address: the host is where the datagram came from.
 */
public record Hello(String nonce, Transport transport, int port) implements DiscoveryMessage {

    static final String START = "STIEFEL/1 HELLO ";

    private static final Pattern FORM = Pattern.compile(START + "([0-9a-f]{32}) ([a-z]{1,16})=([1-9][0-9]{0,4})");

    /** How the link to the host is made, by the word that stands for it on the wire. */
    public enum Transport {
        /** HTTP and NBD as they are, on one trusted cable; the port is that of the payload. */
        PLAIN("plain"),
        /** Everything inside WireGuard; the port is WireGuard's. */
        WIREGUARD("wg");

        private final String word;

        Transport(String word) {
            this.word = word;
        }
    }

    public Hello {
        if (!NONCE.matcher(nonce).matches()) {
            throw new IllegalArgumentException("A nonce is 32 lower-case hex digits");
        }
        if (port < 1 || port > 65535) {
            throw new IllegalArgumentException("No port: " + port);
        }
    }

    static Hello decode(String text) throws MalformedMessage {
        Matcher form = FORM.matcher(text);
        if (!form.matches()) {
            throw new MalformedMessage("a HELLO without its 32 hex digits, transport and port");
        }
        int port = Integer.parseInt(form.group(3));
        if (port > 65535) {
            throw new MalformedMessage("a HELLO with a port above 65535");
        }
        for (Transport transport : Transport.values()) {
            if (transport.word.equals(form.group(2))) {
                return new Hello(form.group(1), transport, port);
            }
        }
        throw new MalformedMessage("a HELLO with an unknown transport");
    }

    @Override
    public byte[] encode() {
        return (START + nonce + " " + transport.word + "=" + port).getBytes(StandardCharsets.US_ASCII);
    }
}
