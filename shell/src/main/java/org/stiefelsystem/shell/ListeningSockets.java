package org.stiefelsystem.shell;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/** Who listens on a port of this machine, read from /proc. */
public final class ListeningSockets {

    private static final String TCP_LISTEN = "0A";

    private ListeningSockets() {}

    /** {@code java (pid 4711)}, or {@code another user's process}, or empty when the port is free. */
    public static Optional<String> ownerOf(String protocol, int port) {
        String local = String.format(Locale.ROOT, ":%04X", port);
        return Stream.of(protocol, protocol + "6")
                .flatMap(table -> lines(Path.of("/proc/net", table)).stream().skip(1))
                .map(line -> List.of(line.strip().split("\\s+", -1)))
                .filter(columns -> columns.size() > 9
                        && columns.get(1).endsWith(local)
                        && (protocol.equals("udp") || columns.get(3).equals(TCP_LISTEN)))
                .map(columns -> process("socket:[" + columns.get(9) + "]"))
                .findFirst();
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException e) {
            return List.of();
        }
    }

    private static String process(String socket) {
        try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
            return processes
                    .filter(process -> process.getFileName().toString().matches("\\d+"))
                    .filter(process -> holds(process, socket))
                    .map(process ->
                            String.join("", lines(process.resolve("comm"))) + " (pid " + process.getFileName() + ")")
                    .findFirst()
                    .orElse("another user's process");
        } catch (IOException e) {
            return "another process";
        }
    }

    private static boolean holds(Path process, String socket) {
        try (Stream<Path> files = Files.list(process.resolve("fd"))) {
            return files.anyMatch(file -> {
                try {
                    return Files.readSymbolicLink(file).toString().equals(socket);
                } catch (IOException e) {
                    return false;
                }
            });
        } catch (IOException e) {
            return false;
        }
    }
}
