package org.stiefelsystem.shell;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * The network interfaces of this machine, or of the network namespace that this runs in: /sys/class/net may show another
 * namespace's, /proc and {@code ip} do not.
 */
public final class NetworkLinks {

    private NetworkLinks() {}

    /** All but loopback, by name. */
    public static List<String> names() {
        try {
            return Files.readAllLines(Path.of("/proc/net/dev")).stream()
                    .filter(line -> line.contains(":"))
                    .map(line -> line.substring(0, line.indexOf(':')).strip())
                    .filter(name -> !name.equals("lo"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What {@code ip} says of a link, for example UP, LOWER_UP, NO-CARRIER; empty when it says nothing. */
    public static Set<String> flags(String link) throws InterruptedException {
        String line = String.join(
                " ",
                new ChildProcess("ip", "-o", "link", "show", "dev", link).ask().lines());
        int from = line.indexOf('<');
        int to = line.indexOf('>');
        return from < 0 || to < from
                ? Set.of()
                : Set.of(line.substring(from + 1, to).split(",", -1));
    }
}
