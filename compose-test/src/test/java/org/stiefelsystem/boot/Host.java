package org.stiefelsystem.boot;

import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.shell.demo.Lab;
import org.stiefelsystem.shell.demo.ServerProcess;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code stiefelctl server} in a lab: the laptop. */
final class Host implements Closeable {

    private final Machine machine;
    private final Path directory;
    private final Path disk;
    private final Path boot;
    private final List<Path> logs = new ArrayList<>();
    private @Nullable ServerProcess server;

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
                    nsenter --target 1 --net ip link add "cable$$" type veth peer name nic0 netns $$
                    nsenter --target 1 --net ip link set "cable$$" master %s up
                    ip link set lo up
                    ip link set nic0 up
                    exec "$@"
                    """.formatted(Lab.LINK);
            return new Machine(project, lab, name, List.of("unshare", "--net", "sh", "-ec", plugIn, "sh"), "nic0");
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

    private Host(Machine machine, Path directory, Path disk, Path boot) {
        this.machine = machine;
        this.directory = directory;
        this.disk = disk;
        this.boot = boot;
    }

    /** Starts it and waits until it serves. */
    static Host serve(Machine machine, Path directory, Path disk, Path boot) throws IOException, InterruptedException {
        Host host = new Host(machine, directory, disk, boot);
        host.start();
        return host;
    }

    /** Starts the services, also again after they were stopped or killed. */
    void start() throws IOException, InterruptedException {
        Path log = directory.resolve(machine.name() + "." + logs.size() + ".log");
        logs.add(log);
        server = ServerProcess.start(
                stiefelctl(
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
                        machine.link()),
                log);
    }

    /** A command on this machine, not yet started. */
    ProcessBuilder stiefelctl(String... words) {
        return machine.stiefelctl(directory.resolve(machine.name() + ".run"), words);
    }

    /** What a command on this machine prints. */
    String run(String... words) throws IOException, InterruptedException {
        Path errors = Files.createTempFile(directory, "stiefelctl", ".err");
        Process command = stiefelctl(words).redirectError(errors.toFile()).start();
        String output = new String(command.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (command.waitFor() != 0) {
            throw new IOException("`" + String.join(" ", words) + "` ended with " + command.exitValue() + ": "
                    + Files.readString(errors));
        }
        Files.delete(errors);
        return output;
    }

    String name() {
        return machine.name();
    }

    /** What {@code stiefelctl status --json} prints on the laptop. */
    JsonNode status() throws IOException, InterruptedException {
        return JsonMapper.shared().readTree(run("status", "--json"));
    }

    /** The only export, as {@code stiefelctl exports --json} tells it. */
    JsonNode export() throws IOException, InterruptedException {
        return JsonMapper.shared().readTree(run("exports", "--json")).path(0);
    }

    /** Asks until the export is as it should be. */
    void awaitExport(Predicate<JsonNode> wanted, Duration deadline) throws IOException, InterruptedException {
        long end = System.nanoTime() + deadline.toNanos();
        JsonNode export = export();
        while (!wanted.test(export)) {
            if (System.nanoTime() > end) {
                throw new IOException("the export did not become what was waited for: " + export);
            }
            export = export();
        }
    }

    /** What Prometheus would scrape from one of the services. */
    String metrics(int port) throws IOException, InterruptedException {
        return machine.lab().run("curl", "-sSf", "http://127.0.0.1:" + port + "/actuator/prometheus");
    }

    /** What it has printed, in all its runs. */
    String log() throws IOException {
        StringBuilder all = new StringBuilder();
        for (Path log : logs) {
            all.append(Files.exists(log) ? Files.readString(log) : "");
        }
        return all.toString();
    }

    /** As a person ends it. Answers whether it ended in time. */
    boolean stop() throws InterruptedException {
        return server == null || server.stop();
    }

    /** Waits for it to end by itself. */
    boolean awaitEnd(Duration deadline) throws InterruptedException {
        return server == null || server.awaitEnd(deadline);
    }

    /** Kills it, as a crash does. */
    @Override
    public void close() {
        if (server != null) {
            server.close();
        }
    }
}
