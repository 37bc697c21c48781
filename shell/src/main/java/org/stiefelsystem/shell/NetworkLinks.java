package org.stiefelsystem.shell;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The network interfaces of this machine. */
public final class NetworkLinks {

    private static final Path NET = Path.of("/sys/class/net");

    private NetworkLinks() {}

    /** All but loopback, by name. */
    public static List<String> names() {
        try (Stream<Path> links = Files.list(NET)) {
            return links.filter(Files::isDirectory)
                    .map(link -> link.getFileName().toString())
                    .filter(name -> !name.equals("lo"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
