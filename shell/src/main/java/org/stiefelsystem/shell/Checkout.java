package org.stiefelsystem.shell;

import java.nio.file.Path;

/** Where the project's own files are ({@code root}) and where state may be written ({@code var}). */
public record Checkout(Path root, Path var) {

    /** The launcher names both; without it (an IDE, a test) the current directory is the checkout. */
    static Checkout fromEnvironment() {
        Path root = Path.of(System.getenv().getOrDefault("STIEFEL_HOME", "")).toAbsolutePath();
        String var = System.getenv().getOrDefault("STIEFEL_VAR", "");
        return new Checkout(
                root, var.isEmpty() ? root.resolve("var") : Path.of(var).toAbsolutePath());
    }

    public Path launcher() {
        return root.resolve("stiefelctl");
    }

    /** A program of the project, for example {@code stiefelos/image/build}; an error in words when it is not there. */
    public Path program(String path) {
        Path program = root.resolve(path);
        if (!java.nio.file.Files.isExecutable(program)) {
            throw CommandFailure.failed(
                    path + " is not in " + root, "Run this command from a complete checkout of the project.");
        }
        return program;
    }
}
