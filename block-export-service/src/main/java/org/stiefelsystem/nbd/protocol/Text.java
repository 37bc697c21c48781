package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** A string of the peer (proto.md, "Conventions"): UTF-8 without NUL, at most 4096 bytes. */
final class Text {

    static final int MAX_BYTES = 4096;

    private Text() {}

    /** {@code u32 length | string}; {@code behind} bytes must be left for what follows it. */
    static String decodeWithLength(ByteBuffer in, int behind, String what) throws MalformedOption {
        if (in.remaining() < Integer.BYTES + behind) {
            throw new MalformedOption("%d bytes are too few for the %s".formatted(in.remaining(), what));
        }
        long length = Integer.toUnsignedLong(in.getInt());
        if (length > in.remaining() - behind) {
            throw new MalformedOption("the %s's length of %d goes beyond the option".formatted(what, length));
        }
        return decode(in, (int) length, what);
    }

    static String decode(ByteBuffer in, int length, String what) throws MalformedOption {
        if (length > MAX_BYTES) {
            throw new MalformedOption("a %s of %d bytes is longer than %d".formatted(what, length, MAX_BYTES));
        }
        ByteBuffer bytes = in.slice(in.position(), length);
        in.position(in.position() + length);
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
            if (text.indexOf('\0') >= 0) {
                throw new MalformedOption("the %s contains a NUL".formatted(what));
            }
            return text;
        } catch (CharacterCodingException e) {
            throw new MalformedOption("the %s is not UTF-8".formatted(what));
        }
    }
}
