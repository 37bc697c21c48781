package org.stiefelsystem.shell.setup;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;

/**
 * One thing that a command of ours needs: what for, how its presence is seen, and the Debian package that brings it.
 *
 * @param program its name in the PATH, or the path of a file
 */
record Requirement(String program, String packageName, String purpose, Set<Need> neededBy) {

    /** Root's directories too: a plain user's PATH lacks them, and setup says the same to both. */
    private static final List<String> SYSTEM_DIRECTORIES = List.of("/usr/sbin", "/sbin", "/usr/bin", "/bin");

    /** Who needs it; {@code TEST} needs what the demo needs, too. */
    enum Need {
        DEMO,
        TEST
    }

    /** The one table of all of them; the launcher reads it, too. */
    static List<Requirement> all() {
        try (InputStream table = Objects.requireNonNull(Requirement.class.getResourceAsStream("requirements.txt"))) {
            return new String(table.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> !line.isBlank() && !line.startsWith("#"))
                    .map(Requirement::parse)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Requirement parse(String line) {
        List<String> columns = List.of(line.split("\\s+", 4));
        Set<Need> neededBy = switch (columns.get(2)) {
            case "demo" -> Set.of(Need.DEMO, Need.TEST);
            case "test" -> Set.of(Need.TEST);
            default -> throw new IllegalStateException("requirements.txt: " + line);
        };
        return new Requirement(columns.get(0), columns.get(1), columns.get(3), neededBy);
    }

    static List<Requirement> missing(Need need) {
        return all().stream()
                .filter(requirement -> requirement.neededBy().contains(need) && !requirement.isPresent())
                .toList();
    }

    boolean isPresent() {
        if (program.startsWith("/")) {
            return Files.exists(Path.of(program));
        }
        String path = System.getenv().getOrDefault("PATH", "");
        boolean found = Stream.concat(List.of(path.split(":", -1)).stream(), SYSTEM_DIRECTORIES.stream())
                .filter(directory -> !directory.isEmpty())
                .anyMatch(directory -> Files.isExecutable(Path.of(directory, program)));
        // Debian's small busybox has the same name and links to libraries that StiefelOS does not carry.
        return found && (!packageName.equals("busybox-static") || !isDebian() || isInstalled());
    }

    private static boolean isDebian() {
        return Files.exists(Path.of("/var/lib/dpkg/status"));
    }

    private boolean isInstalled() {
        try (Stream<String> lines = Files.lines(Path.of("/var/lib/dpkg/status"), StandardCharsets.ISO_8859_1)) {
            List<String> following = lines.dropWhile(line -> !line.equals("Package: " + packageName))
                    .limit(2)
                    .toList();
            return following.size() == 2 && following.get(1).equals("Status: install ok installed");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
