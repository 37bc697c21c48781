package org.stiefelsystem.nbd.app;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.convert.DurationStyle;
import org.springframework.util.unit.DataSize;
import org.stiefelsystem.nbd.export.RefusedException;
import org.stiefelsystem.nbd.server.NbdLimits;

/** {@code stiefel.export.limits.*}: durations as {@code 10s}, bytes as a number or {@code 64MB}, numbers. */
final class LimitSettings {

    static final String PREFIX = "stiefel.export.limits.";

    private LimitSettings() {}

    /** The defaults, but for what was set; refused with words that name the property, its value and what it may be. */
    static NbdLimits limits(Map<String, String> settings) throws RefusedException {
        Map<String, Object> defaults = NbdLimits.defaults().byName();
        Map<String, Object> changed = new HashMap<>();
        for (Map.Entry<String, String> setting : settings.entrySet()) {
            String name = known(setting.getKey(), List.copyOf(defaults.keySet()));
            changed.put(name, parse(name, setting.getValue(), defaults.get(name)));
        }
        try {
            return NbdLimits.defaults().with(changed);
        } catch (IllegalArgumentException e) {
            throw new RefusedException(
                    PREFIX + e.getMessage() + ".", "Set it to something in between, or leave it out.");
        }
    }

    /** The environment has no dashes, and a file may have capital letters instead. */
    private static String known(String name, List<String> names) throws RefusedException {
        for (String candidate : names) {
            if (plain(candidate).equalsIgnoreCase(plain(name))) {
                return candidate;
            }
        }
        throw new RefusedException(
                "There is no setting %s%s.".formatted(PREFIX, name),
                "Limits are: %s.".formatted(String.join(", ", names)));
    }

    private static String plain(String name) {
        return name.replace("-", "");
    }

    /** A value of the same type as the default. */
    private static Object parse(String name, String text, @Nullable Object like) throws RefusedException {
        try {
            if (like instanceof Duration) {
                return DurationStyle.detectAndParse(text);
            }
            long number = name.endsWith("bytes") || name.contains("bytes-")
                    ? DataSize.parse(text).toBytes()
                    : Long.parseLong(text);
            return like instanceof Integer ? (Object) Math.toIntExact(number) : number;
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new RefusedException(
                    "%s%s is \"%s\", which is no %s."
                            .formatted(
                                    PREFIX,
                                    name,
                                    text,
                                    like instanceof Duration ? "duration" : "number that it may be"),
                    "Durations are written as 10s, bytes as 65536 or 64KB, other numbers as 64.");
        }
    }
}
