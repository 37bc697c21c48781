package org.stiefelsystem.discovery;

import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A guest's question "who has a system for me?": {@code STIEFEL/1 FIND <32 hex> <padding>}. It is padded so that no
 * answer is ever larger than the question: the service is no amplifier for forged senders.
 */
public record Find(String nonce) implements DiscoveryMessage {

    /** Every FIND is exactly this long. */
    public static final int LENGTH = 256;

    static final String START = "STIEFEL/1 FIND ";

    private static final Pattern FORM = Pattern.compile(START + "([0-9a-f]{32}) [ -~]*");

    public Find {
        if (!NONCE.matcher(nonce).matches()) {
            throw new IllegalArgumentException("A nonce is 32 lower-case hex digits");
        }
    }

    static Find decode(String text) throws MalformedMessage {
        if (text.length() != LENGTH) {
            throw new MalformedMessage("a FIND of " + text.length() + " bytes instead of " + LENGTH);
        }
        Matcher form = FORM.matcher(text);
        if (!form.matches()) {
            throw new MalformedMessage("a FIND without its 32 hex digits");
        }
        return new Find(form.group(1));
    }

    @Override
    public byte[] encode() {
        String text = START + nonce;
        return (text + " ".repeat(LENGTH - text.length())).getBytes(StandardCharsets.US_ASCII);
    }
}
