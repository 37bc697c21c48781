package org.stiefelsystem.nbd.linux;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Who has what open, from /proc: for error messages, so a question without an answer gives an empty list. */
public final class OpenFiles {

    private static final Path PROC = Path.of("/proc");
    private static final Pattern BLANKS = Pattern.compile("\\s+");
    private static final String LISTEN = "0A";

    private OpenFiles() {}

    /** A process that has something open, so many times. */
    public record Holder(long pid, String program, int descriptors) {

        @Override
        public String toString() {
            return "%s (pid %d)".formatted(program, pid);
        }
    }

    /** The processes that have this file or device open; with the rights of root all of them. */
    public static List<Holder> holdersOf(Path file) {
        try {
            Map<String, Object> wanted = Files.readAttributes(file, "unix:dev,ino");
            return holders(link -> Files.readAttributes(link, "unix:dev,ino").equals(wanted));
        } catch (IOException e) {
            return List.of();
        }
    }

    /** The processes that listen on this TCP port. */
    public static List<Holder> listenersOn(int port) {
        List<String> sockets = new ArrayList<>();
        for (String table : List.of("net/tcp", "net/tcp6")) {
            try (Stream<String> lines = Files.lines(PROC.resolve(table))) {
                lines.skip(1)
                        .map(line -> BLANKS.split(line.trim(), -1))
                        .filter(columns -> columns.length > 9 && columns[3].equals(LISTEN))
                        .filter(columns -> portOf(columns[1]) == port)
                        .forEach(columns -> sockets.add("socket:[" + columns[9] + "]"));
            } catch (IOException e) {
                // Without IPv6 there is no tcp6.
            }
        }
        return holders(link -> sockets.contains(Files.readSymbolicLink(link).toString()));
    }

    private static int portOf(String address) {
        return Integer.parseInt(address.substring(address.lastIndexOf(':') + 1), 16);
    }

    private interface LinkTest {
        boolean matches(Path link) throws IOException;
    }

    private static List<Holder> holders(LinkTest test) {
        List<Holder> found = new ArrayList<>();
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(PROC, "[0-9]*")) {
            for (Path process : processes) {
                int descriptors = descriptors(process, test);
                if (descriptors > 0) {
                    long pid = Long.parseLong(process.getFileName().toString());
                    found.add(new Holder(pid, program(process), descriptors));
                }
            }
        } catch (IOException e) {
            return found;
        }
        return found;
    }

    private static int descriptors(Path process, LinkTest test) {
        int matching = 0;
        try (DirectoryStream<Path> links = Files.newDirectoryStream(process.resolve("fd"))) {
            for (Path link : links) {
                try {
                    if (test.matches(link)) {
                        matching++;
                    }
                } catch (IOException e) {
                    // Closed meanwhile, or a socket, which has no attributes.
                }
            }
        } catch (IOException e) {
            // The process ended, or belongs to somebody else.
        }
        return matching;
    }

    private static String program(Path process) {
        try {
            return Files.readString(process.resolve("comm")).trim();
        } catch (IOException e) {
            return "a process";
        }
    }
}
