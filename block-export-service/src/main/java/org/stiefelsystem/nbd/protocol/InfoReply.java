package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Set;

/** The data of an NBD_REP_INFO reply (proto.md, "Option reply types"): a u16 type and what belongs to it. */
public sealed interface InfoReply {

    int NBD_INFO_NAME = 1;
    int NBD_INFO_DESCRIPTION = 2;
    int NBD_INFO_BLOCK_SIZE = 3;

    byte[] encoded();

    /** NBD_INFO_EXPORT, the one that must come: {@code u16 0 | u64 size | u16 transmission flags}. */
    record Export(long size, Set<TransmissionFlag> flags) implements InfoReply {

        @Override
        public byte[] encoded() {
            return ByteBuffer.allocate(12)
                    .putShort((short) 0)
                    .putLong(size)
                    .putShort((short) TransmissionFlag.mask(flags))
                    .array();
        }
    }

    /** NBD_INFO_NAME: the canonical name. */
    record Name(String name) implements InfoReply {

        @Override
        public byte[] encoded() {
            return text(NBD_INFO_NAME, name);
        }
    }

    /** NBD_INFO_DESCRIPTION: words for a person. */
    record Description(String description) implements InfoReply {

        @Override
        public byte[] encoded() {
            return text(NBD_INFO_DESCRIPTION, description);
        }
    }

    /** NBD_INFO_BLOCK_SIZE: {@code u16 3 | u32 minimum | u32 preferred | u32 maximum payload}. */
    record BlockSize(int minimum, int preferred, int maximum) implements InfoReply {

        @Override
        public byte[] encoded() {
            return ByteBuffer.allocate(14)
                    .putShort((short) 3)
                    .putInt(minimum)
                    .putInt(preferred)
                    .putInt(maximum)
                    .array();
        }
    }

    private static byte[] text(int type, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(2 + bytes.length)
                .putShort((short) type)
                .put(bytes)
                .array();
    }
}
