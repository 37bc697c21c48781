package org.stiefelsystem.nbd.export;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The boots that may ask for an export as {@code name@<boot id>}: the newest ones, kept in a file under /run, which
 * survives a restart of the service and none of the machine.
 */
public final class BootIds {

    /** How many boots are remembered. */
    public static final int MAX_BOOT_IDS = 64;

    private static final Pattern BOOT_ID = Pattern.compile("[0-9a-f]{32}");

    private final @Nullable Path file;

    /** Boot id to export, oldest first. */
    private final Map<String, String> exports = new LinkedHashMap<>();

    private BootIds(@Nullable Path file) {
        this.file = file;
    }

    /** Boot ids that are forgotten with the process. */
    public static BootIds inMemory() {
        return new BootIds(null);
    }

    /** Boot ids that are kept in {@code file}; a line that is none is skipped. */
    public static BootIds in(Path file) throws IOException {
        BootIds bootIds = new BootIds(file);
        try {
            for (String line : Files.readAllLines(file)) {
                int blank = line.indexOf(' ');
                if (blank > 0 && isBootId(line.substring(0, blank))) {
                    bootIds.remember(line.substring(0, blank), line.substring(blank + 1));
                }
            }
        } catch (NoSuchFileException e) {
            // The first start since the machine's.
        }
        return bootIds;
    }

    public static boolean isBootId(String text) {
        return BOOT_ID.matcher(text).matches();
    }

    /** From now on this boot may ask for that export. */
    public synchronized void register(String bootId, String export) throws IOException {
        if (!isBootId(bootId)) {
            throw new IllegalArgumentException("a boot id is 32 hexadecimal digits in lower case");
        }
        remember(bootId, export);
        save();
    }

    /** Whether this boot may ask for that export; a boot that asks is the newest again. */
    synchronized boolean admits(String bootId, String export) {
        if (!export.equals(exports.get(bootId))) {
            return false;
        }
        remember(bootId, export);
        return true;
    }

    private void remember(String bootId, String export) {
        exports.remove(bootId);
        exports.put(bootId, export);
        while (exports.size() > MAX_BOOT_IDS) {
            exports.remove(exports.keySet().iterator().next());
        }
    }

    private void save() throws IOException {
        if (file == null) {
            return;
        }
        StringBuilder lines = new StringBuilder();
        exports.forEach((bootId, export) ->
                lines.append(bootId).append(' ').append(export).append('\n'));
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        Files.writeString(fresh, lines);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
}
