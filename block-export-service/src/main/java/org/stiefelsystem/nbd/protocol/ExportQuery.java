package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * The data of NBD_OPT_INFO and NBD_OPT_GO: which export, and what the client wishes to know of it.
 *
 * <pre>
 * u32 name length | name | u16 number of information requests | u16 each
 * </pre>
 *
 * Numbers of information requests that nobody knows stay in the set: the server ignores them.
 */
public record ExportQuery(String name, Set<Integer> informationRequests) {

    /** proto.md, "Values": strings are at most 4096 bytes. */
    public static final int MAX_NAME_BYTES = 4096;

    public ExportQuery {
        informationRequests = Set.copyOf(informationRequests);
    }

    static ExportQuery decode(ByteBuffer in) throws MalformedOption {
        if (in.remaining() < 6) {
            throw new MalformedOption("%d bytes are too few for a name and a list".formatted(in.remaining()));
        }
        long nameLength = Integer.toUnsignedLong(in.getInt());
        if (nameLength > in.remaining() - 2) {
            throw new MalformedOption("the name's length of %d goes beyond the option".formatted(nameLength));
        }
        String name = name(in, (int) nameLength);
        int requests = Short.toUnsignedInt(in.getShort());
        if (in.remaining() != 2 * requests) {
            throw new MalformedOption(
                    "%d information requests do not fill %d bytes".formatted(requests, in.remaining()));
        }
        Set<Integer> informationRequests = new LinkedHashSet<>();
        for (int i = 0; i < requests; i++) {
            informationRequests.add(Short.toUnsignedInt(in.getShort()));
        }
        return new ExportQuery(name, informationRequests);
    }

    static String name(ByteBuffer in, int length) throws MalformedOption {
        if (length > MAX_NAME_BYTES) {
            throw new MalformedOption("a name of %d bytes is longer than %d".formatted(length, MAX_NAME_BYTES));
        }
        ByteBuffer bytes = in.slice(in.position(), length);
        in.position(in.position() + length);
        try {
            String name = StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
            if (name.indexOf('\0') >= 0) {
                throw new MalformedOption("the name contains a NUL");
            }
            return name;
        } catch (CharacterCodingException e) {
            throw new MalformedOption("the name is not UTF-8");
        }
    }

    /** The option's data does not have its form; becomes {@link OptionRequest.Malformed}. */
    static final class MalformedOption extends Exception {

        private static final long serialVersionUID = 1L;

        MalformedOption(String message) {
            super(message, null, false, false);
        }
    }
}
