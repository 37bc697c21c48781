package org.stiefelsystem.nbd.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** Whatever bytes come, a decoder gives a value or says what is wrong with them. */
class DecoderPropertyTests {

    @Property
    void anyDataOfAnyOptionIsAValue(@ForAll @IntRange(max = 13) int option, @ForAll @Size(max = 64) byte[] data) {
        assertThat(OptionRequest.decode(option, ByteBuffer.wrap(data))).isNotNull();
    }

    /** Data that is nearly right: small numbers where lengths are. */
    @Property
    void anyLengthsInMetaContextsAreAValue(
            @ForAll @IntRange(min = -2, max = 20) int nameLength,
            @ForAll @IntRange(min = -2, max = 5) int queries,
            @ForAll @IntRange(min = -2, max = 20) int queryLength,
            @ForAll @Size(max = 40) byte[] rest) {
        ByteBuffer data = ByteBuffer.allocate(16 + rest.length)
                .putInt(nameLength)
                .put("root".getBytes(java.nio.charset.StandardCharsets.US_ASCII))
                .putInt(queries)
                .putInt(queryLength)
                .put(rest)
                .flip();
        assertThat(OptionRequest.decode(10, data))
                .isInstanceOfAny(OptionRequest.SetMetaContext.class, OptionRequest.Malformed.class);
    }

    @Property
    void anyRequestIsARequestOrAViolation(@ForAll HeaderStyle style, @ForAll @Size(min = 28, max = 32) byte[] data) {
        ByteBuffer bytes = ByteBuffer.wrap(data);
        bytes.putInt(0, style == HeaderStyle.EXTENDED ? 0x21e41c71 : 0x25609513);
        try {
            Request request = style.decodeRequest(bytes);
            assertThat(request.command()).isNotNull();
            assertThat(bytes.position()).isEqualTo(style.requestBytes());
        } catch (ProtocolViolation e) {
            assertThat(data).hasSizeLessThan(style.requestBytes());
        }
    }
}
