package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * The data of NBD_OPT_INFO and NBD_OPT_GO (proto.md, "Option types"): which export, and what the client wishes to know
 * of it.
 *
 * <pre>
 * u32 name length | name | u16 number of information requests | u16 each
 * </pre>
 *
 * Numbers of information requests that nobody knows stay in the set: the server ignores them.
 */
public record ExportQuery(String name, Set<Integer> informationRequests) {

    public static final int MAX_NAME_BYTES = Text.MAX_BYTES;

    public ExportQuery {
        informationRequests = Set.copyOf(informationRequests);
    }

    static ExportQuery decode(ByteBuffer in) throws MalformedOption {
        String name = Text.decodeWithLength(in, Short.BYTES, "name");
        int requests = Short.toUnsignedInt(in.getShort());
        if (in.remaining() != Short.BYTES * requests) {
            throw new MalformedOption(
                    "%d information requests do not fill %d bytes".formatted(requests, in.remaining()));
        }
        Set<Integer> informationRequests = new LinkedHashSet<>();
        for (int i = 0; i < requests; i++) {
            informationRequests.add(Short.toUnsignedInt(in.getShort()));
        }
        return new ExportQuery(name, informationRequests);
    }
}
