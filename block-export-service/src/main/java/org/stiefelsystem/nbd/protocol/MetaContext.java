package org.stiefelsystem.nbd.protocol;

import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** The meta contexts of this server (proto.md, "Metadata querying"); a query for any other one finds nothing. */
public enum MetaContext {
    /** {@code base:allocation}: which ranges are holes (proto.md, "base:allocation metadata context"). */
    BASE_ALLOCATION("base:allocation", 1);

    /** NBD_STATE_HOLE and NBD_STATE_ZERO of {@link #BASE_ALLOCATION}. */
    public static final int HOLE = 1;

    public static final int ZERO = 2;

    private static final String BASE = "base:";

    private final String contextName;
    private final int id;

    MetaContext(String contextName, int id) {
        this.contextName = contextName;
        this.id = id;
    }

    public String contextName() {
        return contextName;
    }

    /** By which the client names it in transmission. */
    public int id() {
        return id;
    }

    /** What NBD_OPT_LIST_META_CONTEXT lists: all without a query; {@code base:} is a wildcard here alone. */
    public static Set<MetaContext> listedBy(List<String> queries) {
        boolean all = queries.isEmpty() || queries.contains(BASE);
        return all ? EnumSet.allOf(MetaContext.class) : selectedBy(queries);
    }

    /** What NBD_OPT_SET_META_CONTEXT selects: those that are named in full. */
    public static Set<MetaContext> selectedBy(Collection<String> queries) {
        Set<MetaContext> selected = EnumSet.noneOf(MetaContext.class);
        for (MetaContext context : values()) {
            if (queries.contains(context.contextName)) {
                selected.add(context);
            }
        }
        return selected;
    }
}
