package org.stiefelsystem.nbd.export;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The boots that may ask for an export as {@code name@<boot id>}: the newest ones and those that use one, kept in a
 * file under /run, which survives a restart of the service and none of the machine.
 */
public final class BootIds {

    private static final System.Logger LOG = System.getLogger(BootIds.class.getName());

    /** How many boots are remembered; those that use an export are not forgotten, however many they are. */
    public static final int MAX_BOOT_IDS = 64;

    private static final Pattern BOOT_ID = Pattern.compile("[0-9a-f]{32}");

    /** Behind the boot id of a boot that has been admitted. */
    private static final String USED = "+";

    private final @Nullable Path file;

    /** Oldest first. */
    private final Map<String, Boot> boots = new LinkedHashMap<>();

    private volatile Predicate<String> inUse = bootId -> false;

    private BootIds(@Nullable Path file) {
        this.file = file;
    }

    private record Boot(String export, boolean used) {}

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
                boolean used = blank > 0 && line.startsWith(USED, blank - 1);
                String bootId = line.substring(0, Math.max(0, used ? blank - 1 : blank));
                if (isBootId(bootId)) {
                    bootIds.boots.put(bootId, new Boot(line.substring(blank + 1), used));
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

    /** What else must not be forgotten: the boots whose connections live, or who had the export last. */
    void keep(Predicate<String> wanted) {
        inUse = wanted;
    }

    /** From now on this boot may ask for that export; not when that could not be saved. */
    public synchronized void register(String bootId, String export) throws IOException {
        if (!isBootId(bootId)) {
            throw new IllegalArgumentException("a boot id is 32 hexadecimal digits in lower case");
        }
        Boot before = boots.get(bootId);
        Map<String, Boot> after = new LinkedHashMap<>(boots);
        after.remove(bootId);
        while (after.size() >= MAX_BOOT_IDS) {
            Optional<String> forgotten = leastWanted(after);
            if (forgotten.isEmpty()) {
                break;
            }
            after.remove(forgotten.get());
        }
        after.put(bootId, new Boot(export, before != null && before.used && before.export.equals(export)));
        save(after);
        boots.clear();
        boots.putAll(after);
    }

    /** Of those that are not in use: the oldest that never asked, else the oldest. */
    private Optional<String> leastWanted(Map<String, Boot> from) {
        List<String> unused = from.keySet().stream().filter(inUse.negate()).toList();
        return unused.stream()
                .filter(bootId -> !Objects.requireNonNull(from.get(bootId)).used)
                .findFirst()
                .or(() -> unused.stream().findFirst());
    }

    /** Whether this boot may ask for that export; a boot that asks is the newest again. */
    synchronized boolean admits(String bootId, String export) {
        Boot boot = boots.get(bootId);
        if (boot == null || !boot.export.equals(export)) {
            return false;
        }
        boots.remove(bootId);
        boots.put(bootId, new Boot(export, true));
        if (!boot.used) {
            try {
                save(boots);
            } catch (IOException e) {
                LOG.log(System.Logger.Level.WARNING, "the boot ids could not be saved: {0}", e.getMessage());
            }
        }
        return true;
    }

    private void save(Map<String, Boot> all) throws IOException {
        if (file == null) {
            return;
        }
        StringBuilder lines = new StringBuilder();
        all.forEach((bootId, boot) -> lines.append(bootId)
                .append(boot.used ? USED : "")
                .append(' ')
                .append(boot.export)
                .append('\n'));
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        Files.writeString(fresh, lines);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
}
