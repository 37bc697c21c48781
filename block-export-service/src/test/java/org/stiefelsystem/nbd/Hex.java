package org.stiefelsystem.nbd;

import java.nio.ByteBuffer;
import java.util.HexFormat;

/** Bytes written by hand: hexadecimal digits, blanks for the eye. */
public final class Hex {

    private Hex() {}

    public static ByteBuffer bytes(String... fields) {
        return ByteBuffer.wrap(HexFormat.of().parseHex(String.join("", fields).replace(" ", "")));
    }

    /** What an encoder wrote. */
    public static ByteBuffer written(java.util.function.Consumer<ByteBuffer> encoder) {
        ByteBuffer out = ByteBuffer.allocate(8192);
        encoder.accept(out);
        return out.flip();
    }
}
