package org.stiefelsystem.nbd.export;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** An export as a client asks for it: {@code root} (tools), or {@code root@<boot id>} (a guest). */
record ExportName(String name, @Nullable String bootId) {

    private static final Pattern WITH_BOOT_ID = Pattern.compile("(.+)@([0-9a-f]{32})", Pattern.DOTALL);

    static ExportName parse(String asked) {
        Matcher matcher = WITH_BOOT_ID.matcher(asked);
        return matcher.matches() ? new ExportName(matcher.group(1), matcher.group(2)) : new ExportName(asked, null);
    }
}
