package org.stiefelsystem.shell;

import java.util.List;
import java.util.Locale;

/** Sizes for people: three digits and a decimal unit, as on a disk's label. */
public final class Bytes {

    private static final List<String> UNITS = List.of("B", "kB", "MB", "GB", "TB", "PB", "EB");

    private Bytes() {}

    public static String words(long bytes) {
        double value = bytes;
        int unit = 0;
        while (value >= 999.5 && unit < UNITS.size() - 1) {
            value /= 1000;
            unit++;
        }
        return unit == 0 || value >= 99.95
                ? String.format(Locale.ROOT, "%.0f %s", value, UNITS.get(unit))
                : String.format(Locale.ROOT, "%.1f %s", value, UNITS.get(unit));
    }
}
