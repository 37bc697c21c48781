package org.stiefelsystem.compose;

import static org.junit.jupiter.api.Assertions.fail;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** The checkout under test. */
record Project(Path home, Path var) {

    static Project underTest() {
        Path home = Path.of(System.getProperty("stiefel.home", ".."))
                .toAbsolutePath()
                .normalize();
        String var = System.getenv().getOrDefault("STIEFEL_VAR", "");
        return new Project(home, var.isEmpty() ? home.resolve("var") : Path.of(var));
    }

    /** Skips the calling test where there is no docker; in CI that is a failure. */
    static void requiresDocker() {
        requires("root", "root".equals(System.getProperty("user.name")));
        requires("docker", hasProgram("docker") && hasProgram("dockerd"));
        // Version 2 is a plugin of docker.
        requires(
                "docker-compose",
                hasProgram("docker-compose")
                        || Stream.of("/usr/libexec", "/usr/lib", "/usr/local/lib", "/usr/local/libexec")
                                .anyMatch(directory ->
                                        Files.isExecutable(Path.of(directory, "docker/cli-plugins/docker-compose"))));
        requires("curl", hasProgram("curl"));
    }

    private static void requires(String what, boolean there) {
        if (!there && "true".equals(System.getenv("CI"))) {
            fail("in CI this must not be skipped: " + what + " is missing");
        }
        Assumptions.assumeTrue(there, what + " is missing");
    }

    private static boolean hasProgram(String name) {
        return Stream.of("/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin")
                .anyMatch(directory -> Files.isExecutable(Path.of(directory, name)));
    }

    Path file(String name) {
        return home.resolve(name);
    }

    Map<String, String> environment() {
        return Map.of("STIEFEL_VAR", var.toString());
    }
}
