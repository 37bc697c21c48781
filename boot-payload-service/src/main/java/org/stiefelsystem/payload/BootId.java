package org.stiefelsystem.payload;

import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.regex.Pattern;

/** 128 random bits that name one boot of one guest, as 32 lower-case hex digits. */
public record BootId(String hex) {

    private static final Pattern FORM = Pattern.compile("[0-9a-f]{32}");
    private static final SecureRandom RANDOM = new SecureRandom();

    public BootId {
        if (!FORM.matcher(hex).matches()) {
            throw new IllegalArgumentException("A boot id is 32 lower-case hex digits");
        }
    }

    public static BootId random() {
        byte[] bits = new byte[16];
        RANDOM.nextBytes(bits);
        return new BootId(HexFormat.of().formatHex(bits));
    }

    static boolean isOne(String text) {
        return FORM.matcher(text).matches();
    }

    @Override
    public String toString() {
        return hex;
    }
}
