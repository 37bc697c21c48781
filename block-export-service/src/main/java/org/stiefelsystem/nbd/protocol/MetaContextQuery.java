package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The data of NBD_OPT_LIST_META_CONTEXT and NBD_OPT_SET_META_CONTEXT (proto.md, "Option types"): an export, and the
 * meta contexts that are asked for.
 *
 * <pre>
 * u32 name length | name | u32 number of queries | each: u32 length, string
 * </pre>
 */
public record MetaContextQuery(String exportName, List<String> queries) {

    public MetaContextQuery {
        queries = List.copyOf(queries);
    }

    static MetaContextQuery decode(ByteBuffer in) throws MalformedOption {
        String exportName = Text.decodeWithLength(in, Integer.BYTES, "name");
        long number = Integer.toUnsignedLong(in.getInt());
        // Each query has a length at least: a number that cannot be true makes no room.
        if (number > in.remaining() / Integer.BYTES) {
            throw new MalformedOption("%d queries go beyond the option".formatted(number));
        }
        List<String> queries = new ArrayList<>((int) number);
        for (long i = 0; i < number; i++) {
            queries.add(Text.decodeWithLength(in, 0, "query"));
        }
        if (in.hasRemaining()) {
            throw new MalformedOption("%d bytes follow the queries".formatted(in.remaining()));
        }
        return new MetaContextQuery(exportName, queries);
    }
}
