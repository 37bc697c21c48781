package org.stiefelsystem.boot;

import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;

/** The checkout under test: its launcher, and the images that its builders make or have cached. */
record Project(Path home, Path var) {

    static Project underTest() {
        Path home = Path.of(System.getProperty("stiefel.home", ".."))
                .toAbsolutePath()
                .normalize();
        String var = System.getenv().getOrDefault("STIEFEL_VAR", "");
        return new Project(home, var.isEmpty() ? home.resolve("var") : Path.of(var));
    }

    /** Skips the tests of the calling class where virtual machines cannot be had; in CI that is a failure. */
    static void requires(String what, boolean there) {
        if (!there && "true".equals(System.getenv("CI"))) {
            fail("in CI this must not be skipped: " + what + " is missing");
        }
        Assumptions.assumeTrue(there, what + " is missing");
    }

    static boolean isRoot() {
        return "root".equals(System.getProperty("user.name"));
    }

    static boolean hasProgram(String name) {
        return List.of("/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/", "/usr/local/bin/").stream()
                .anyMatch(directory -> Path.of(directory + name).toFile().canExecute());
    }

    Path launcher() {
        return home.resolve("stiefelctl");
    }

    Path image() throws IOException, InterruptedException {
        return build("stiefelos/image/build");
    }

    Path demoDisk() throws IOException, InterruptedException {
        return build("stiefelos/demo/build-disk");
    }

    /** The launcher builds what it runs where there is a network, which a lab has not. */
    void buildLauncher() throws IOException, InterruptedException {
        lastLine(launcher().toString(), "version");
    }

    private Path build(String program) throws IOException, InterruptedException {
        return Path.of(lastLine(home.resolve(program).toString()));
    }

    private String lastLine(String... command) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(command)
                .redirectInput(Path.of("/dev/null").toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("STIEFEL_VAR", var.toString());
        Process process = builder.start();
        List<String> lines = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                .lines()
                .toList();
        int code = process.waitFor();
        if (code != 0 || lines.isEmpty()) {
            throw new IOException("`" + String.join(" ", command) + "` ended with " + code);
        }
        return lines.getLast();
    }
}
