package org.stiefelsystem.nbd.app;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a request to the admin API may have opened: directories and what is below them, devices, files. Links count for
 * what they lead to.
 */
record AllowedPaths(List<Path> paths) {

    AllowedPaths {
        paths = paths.stream().map(AllowedPaths::real).toList();
    }

    /** Unless somebody says otherwise: devices, and files beside those that the configuration names, but never everything. */
    static AllowedPaths of(List<String> chosen, List<BlockExportProperties.Disk> configured) {
        return new AllowedPaths(
                chosen.isEmpty()
                        ? Stream.concat(
                                        Stream.of(Path.of("/dev")),
                                        configured.stream()
                                                .map(disk -> real(Path.of(disk.path()))
                                                        .getParent())
                                                .filter(Objects::nonNull)
                                                .filter(directory -> directory.getNameCount() > 0))
                                .distinct()
                                .toList()
                        : chosen.stream().map(Path::of).toList());
    }

    /** The path without links, of which the last name need not exist. */
    static Path real(Path path) {
        Path absolute = path.toAbsolutePath().normalize();
        try {
            return path.toRealPath();
        } catch (IOException e) {
            Path parent = absolute.getParent();
            try {
                return parent == null ? absolute : parent.toRealPath().resolve(absolute.getFileName());
            } catch (IOException nothingThere) {
                return absolute;
            }
        }
    }

    boolean allows(Path real) {
        return paths.stream().anyMatch(real::startsWith);
    }

    String words() {
        return paths.stream().map(Path::toString).collect(Collectors.joining(", "));
    }
}
