package org.stiefelsystem.boot;

import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.stiefelsystem.shell.demo.Lab;
import org.stiefelsystem.shell.demo.ServerProcess;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code stiefelctl server} in a lab: the laptop. */
final class Host implements Closeable {

    private final Machine machine;
    private final Path runDirectory;
    private final ServerProcess server;

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

    private Host(Machine machine, Path runDirectory, ServerProcess server) {
        this.machine = machine;
        this.runDirectory = runDirectory;
        this.server = server;
    }

    /** Starts it and waits until it serves. */
    static Host serve(Machine machine, Path directory, Path disk, Path boot) throws IOException, InterruptedException {
        Path runDirectory = directory.resolve(machine.name() + ".run");
        ServerProcess server = ServerProcess.start(
                machine.stiefelctl(
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
                        machine.link()),
                directory.resolve(machine.name() + ".log"));
        return new Host(machine, runDirectory, server);
    }

    String name() {
        return machine.name();
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
        return server.log();
    }

    /** As a person ends it. Answers whether it ended in time. */
    boolean stop() throws InterruptedException {
        return server.stop();
    }

    /** Kills it, as a crash does. */
    @Override
    public void close() {
        server.close();
    }
}
