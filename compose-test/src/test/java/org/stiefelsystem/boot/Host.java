package org.stiefelsystem.boot;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.stiefelsystem.shell.demo.Lab;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code stiefelctl server} in a lab: the laptop. */
final class Host implements AutoCloseable {

    private static final int START_SECONDS = 120;

    private final Machine machine;
    private final Path runDirectory;
    private final Path log;
    private final Process process;

    /**
     * Where a host runs.
     *
     * @param prefix what is put before a command so that it runs on this machine
     * @param link the machine's interface on the lab's cable
     */
    record Machine(Project project, Lab lab, String name, List<String> prefix, String link) {

        /** The machine that the lab itself is. */
        static Machine ofLab(Project project, Lab lab, String name) {
            return new Machine(project, lab, name, List.of(), Lab.LINK);
        }

        /** A further machine on the same cable, in a network namespace of its own for as long as the host serves. */
        static Machine beside(Project project, Lab lab, String name) {
            String plugIn = """
                    nsenter --target 1 --net ip link add "cable-$0" type veth peer name nic0 netns $$
                    nsenter --target 1 --net ip link set "cable-$0" master %s up
                    ip link set lo up
                    ip link set nic0 up
                    exec "$@"
                    """.formatted(Lab.LINK);
            return new Machine(project, lab, name, List.of("unshare", "--net", "sh", "-ec", plugIn, name), "nic0");
        }

        ProcessBuilder stiefelctl(Path runDirectory, String... words) {
            List<String> command = new ArrayList<>(prefix);
            command.add(project.launcher().toString());
            command.addAll(List.of(words));
            command.addAll(List.of("--set", "stiefel.run-dir=" + runDirectory));
            ProcessBuilder builder = lab.process(command);
            builder.environment().put("STIEFEL_VAR", project.var().toString());
            return builder;
        }
    }

    private Host(Machine machine, Path runDirectory, Path log, Process process) {
        this.machine = machine;
        this.runDirectory = runDirectory;
        this.log = log;
        this.process = process;
    }

    /** Starts it and waits until it serves. */
    static Host serve(Machine machine, Path directory, Path disk, Path boot) throws IOException, InterruptedException {
        Path log = directory.resolve(machine.name() + ".log");
        Path runDirectory = directory.resolve(machine.name() + ".run");
        Process process = machine.stiefelctl(
                        runDirectory,
                        "server",
                        "--disk",
                        disk.toString(),
                        "--boot-dir",
                        boot.toString(),
                        "--name",
                        machine.name(),
                        "--transport",
                        "plain",
                        "--link",
                        machine.link())
                .redirectErrorStream(true)
                .start();
        CompletableFuture<Boolean> ready = new CompletableFuture<>();
        BufferedReader lines = process.inputReader(StandardCharsets.UTF_8);
        Thread.ofVirtual().start(() -> {
            try {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    Files.writeString(log, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
                    if (line.startsWith("ready stiefel server ")) {
                        ready.complete(true);
                    }
                }
            } catch (IOException e) {
                // The pipe ends with the process.
            }
            ready.complete(false);
        });
        Host host = new Host(machine, runDirectory, log, process);
        try {
            if (!ready.get(START_SECONDS, TimeUnit.SECONDS)) {
                throw new IOException("the server ended with " + process.waitFor() + ":\n" + host.log());
            }
        } catch (ExecutionException | TimeoutException e) {
            host.kill();
            throw new IOException("the server was not ready within " + START_SECONDS + " s:\n" + host.log(), e);
        }
        return host;
    }

    /** What {@code stiefelctl status --json} prints on the laptop. */
    JsonNode status() throws IOException, InterruptedException {
        Process status = machine.stiefelctl(runDirectory, "status", "--json").start();
        String output = new String(status.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        String errors = new String(status.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        if (status.waitFor() != 0) {
            throw new IOException("stiefelctl status ended with " + status.exitValue() + ": " + errors);
        }
        return JsonMapper.shared().readTree(output);
    }

    /** What Prometheus would scrape from one of the services. */
    String metrics(int port) throws IOException, InterruptedException {
        return machine.lab().run("curl", "-sSf", "http://127.0.0.1:" + port + "/actuator/prometheus");
    }

    String log() throws IOException {
        return Files.exists(log) ? Files.readString(log) : "(it printed nothing)";
    }

    /** As a person ends it, with SIGTERM. Answers whether it ended within half a minute. */
    boolean stop() throws InterruptedException {
        process.descendants().forEach(ProcessHandle::destroy);
        return process.waitFor(30, TimeUnit.SECONDS);
    }

    /** As a crash ends it. */
    void kill() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().onExit().orTimeout(10, TimeUnit.SECONDS).join();
    }

    @Override
    public void close() {
        kill();
    }
}
