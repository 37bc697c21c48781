package org.stiefelsystem.compose;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A docker daemon: the machine's, or one of our own in namespaces of its own, of which nothing is left. */
final class Docker implements AutoCloseable {

    private static final int END_SECONDS = 60;

    private final Map<String, String> environment;
    private final List<String> entering;
    private final Path directory;
    private final @Nullable Process privateDaemon;

    private Docker(
            Map<String, String> environment, List<String> entering, Path directory, @Nullable Process privateDaemon) {
        this.environment = environment;
        this.entering = entering;
        this.directory = directory;
        this.privateDaemon = privateDaemon;
    }

    /** The machine's daemon where one answers, else a private one. */
    static Docker find(Project project) throws IOException, InterruptedException {
        try {
            Command.output(Map.of(), List.of("docker", "version"));
        } catch (IOException none) {
            return startPrivate(project);
        }
        Files.createDirectories(project.var());
        return new Docker(Map.of(), List.of(), Files.createTempDirectory(project.var(), "compose-test-"), null);
    }

    static Docker startPrivate(Project project) throws IOException, InterruptedException {
        // It ends when its standard input does: also when this JVM is killed.
        Process process = Command.builder(
                        project.environment(),
                        List.of(project.file("compose-test/compose/private-docker")
                                .toString()))
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String line = process.inputReader(StandardCharsets.UTF_8).readLine();
        if (line == null || !line.startsWith("ready ")) {
            process.destroy();
            throw new IOException("no docker daemon answers, and a private one did not start (see above)");
        }
        String[] words = line.split(" ", 4);
        return new Docker(
                Map.of("DOCKER_HOST", words[1]),
                List.of("nsenter", "-t", words[2], "-n", "--"),
                Path.of(words[3]),
                process);
    }

    /** What makes a docker client talk to this daemon. */
    Map<String, String> environment() {
        return environment;
    }

    /** An empty directory that the daemon's containers can mount. A private daemon's goes when the daemon goes. */
    Path directory() {
        return directory;
    }

    String run(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of("docker"));
        command.addAll(List.of(arguments));
        return Command.output(environment, command);
    }

    /** The body of a page on a port that a container publishes on localhost. */
    String get(String address, String query) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(entering);
        command.addAll(List.of("curl", "-sSfG", "--max-time", "10", "--data-urlencode", "query=" + query, address));
        return Command.output(Map.of(), command);
    }

    /** The control groups of a private daemon's containers are below one of this name. */
    @Nullable
    String controlGroup() {
        return privateDaemon == null ? null : "stiefel-docker-" + privateDaemon.pid();
    }

    @Nullable
    Path socket() {
        String host = environment.get("DOCKER_HOST");
        return host == null ? null : Path.of(host.substring("unix://".length()));
    }

    @Override
    public void close() throws IOException {
        Process process = privateDaemon;
        if (process == null) {
            return;
        }
        process.getOutputStream().close();
        try {
            if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new IOException("the private docker daemon did not end within " + END_SECONDS + " s");
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while the private docker daemon ended");
        }
    }
}
