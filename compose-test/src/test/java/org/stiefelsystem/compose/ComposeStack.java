package org.stiefelsystem.compose;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.awaitility.Awaitility;

/** The stack of {@code compose-test/compose}, started and ended by the scripts that a person uses. */
final class ComposeStack implements AutoCloseable {

    private final Project project;
    private final Docker docker;
    private final Path directory;
    private final Map<String, String> environment;
    private final Thread atExit = new Thread(this::closeAtExit, "compose-stack-close");

    private ComposeStack(Project project, Docker docker) {
        this.project = project;
        this.docker = docker;
        this.directory = docker.directory();
        this.environment = new HashMap<>(project.environment());
        environment.putAll(docker.environment());
        environment.put("STIEFEL_COMPOSE_RUN", directory.toString());
        // Any free port: somebody may have a Prometheus.
        environment.put("STIEFEL_PROMETHEUS_PORT", "0");
        environment.put(
                "COMPOSE_PROJECT_NAME",
                "stiefel-test-" + ProcessHandle.current().pid());
    }

    /** A stack that is not up yet, so that it can be closed whatever becomes of {@link #up}. */
    static ComposeStack of(Project project) throws IOException, InterruptedException {
        ComposeStack stack = new ComposeStack(project, Docker.find(project));
        Runtime.getRuntime().addShutdownHook(stack.atExit);
        return stack;
    }

    /** Builds the images and starts the containers; the desktop is switched on when the others are healthy. */
    void up() throws IOException, InterruptedException {
        Command.show(environment, List.of(script("up")));
    }

    String health(String service) throws IOException, InterruptedException {
        return docker.run("inspect", "--format", "{{.State.Health.Status}}", container(service));
    }

    /** Waits until the desktop's console has shown a text. */
    void awaitConsole(String text, Duration deadline) throws IOException, InterruptedException {
        String desktop = container("desktop");
        Awaitility.await("'" + text + "' on the desktop's console")
                .atMost(deadline)
                .failFast(
                        "the desktop went off",
                        () -> !"true".equals(docker.run("inspect", "--format", "{{.State.Running}}", desktop)))
                .until(() -> console().contains(text));
    }

    /** All that the desktop has printed. */
    String console() throws IOException {
        Path log = directory.resolve("console/console.log");
        return Files.exists(log) ? Files.readString(log, StandardCharsets.ISO_8859_1) : "";
    }

    /** Bytes of the kernel and the initrd that the laptop delivers. */
    long payloadSize() throws IOException {
        try (var files = Files.list(directory.resolve("laptop/boot"))) {
            long size = 0;
            for (Path file : files.toList()) {
                String name = String.valueOf(file.getFileName());
                if (name.startsWith("vmlinuz-") || name.startsWith("initrd.img-")) {
                    size += Files.size(file);
                }
            }
            return size;
        }
    }

    Prometheus prometheus() throws IOException, InterruptedException {
        String published = docker.run("port", container("prometheus"), "9090/tcp")
                .lines()
                .findFirst()
                .orElseThrow();
        return new Prometheus(docker, Integer.parseInt(published.substring(published.lastIndexOf(':') + 1)));
    }

    /** What the containers and the desktop printed. */
    String logs() throws IOException, InterruptedException {
        StringBuilder logs = new StringBuilder();
        for (String service : List.of("discovery", "payload", "export", "prometheus")) {
            logs.append("---- ").append(service).append('\n');
            try {
                logs.append(docker.run("logs", "--tail", "100", container(service)));
            } catch (IOException absent) {
                logs.append(absent.getMessage());
            }
            logs.append('\n');
        }
        return logs.append("---- the desktop's console\n").append(console()).toString();
    }

    private String container(String service) throws IOException, InterruptedException {
        String id = docker.run(
                "ps",
                "--all",
                "--quiet",
                "--filter",
                "label=com.docker.compose.project=" + environment.get("COMPOSE_PROJECT_NAME"),
                "--filter",
                "label=com.docker.compose.service=" + service);
        if (id.isEmpty()) {
            throw new IOException("there is no container of the service " + service);
        }
        return id;
    }

    private String script(String name) {
        return project.file("compose-test/compose/" + name).toString();
    }

    @Override
    public void close() throws IOException {
        if (!Thread.currentThread().equals(atExit)) {
            Runtime.getRuntime().removeShutdownHook(atExit);
        }
        try (docker) {
            Command.output(environment, List.of(script("down")));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while the containers were ended");
        }
    }

    private void closeAtExit() {
        try {
            close();
        } catch (IOException e) {
            System.err.println("the containers are still there: " + e.getMessage());
        }
    }
}
