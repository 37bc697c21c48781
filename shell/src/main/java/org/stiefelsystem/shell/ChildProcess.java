package org.stiefelsystem.shell;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** A program that a command runs and waits for. When the command is interrupted, the program's whole tree ends first. */
public final class ChildProcess {

    /** mmdebstrap and apt tidy up when they are told to end; they get this long before they are killed. */
    private static final Duration GRACE = Duration.ofSeconds(20);

    private final ProcessBuilder builder;

    public ChildProcess(List<String> command) {
        builder = new ProcessBuilder(command).inheritIO();
    }

    public ChildProcess(String... command) {
        this(List.of(command));
    }

    public ChildProcess in(Path directory) {
        builder.directory(directory.toFile());
        return this;
    }

    public ChildProcess with(Map<String, String> environment) {
        builder.environment().putAll(environment);
        return this;
    }

    /** For programs that must not read what is meant for the prompt. */
    public ChildProcess withoutInput() {
        builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
        return this;
    }

    /** Runs it on this terminal and answers its exit code. */
    public int run() throws InterruptedException {
        return waitFor(start());
    }

    /** Runs it, hands over each line of its standard output and answers its exit code. */
    public int run(Consumer<String> line) throws InterruptedException {
        builder.redirectOutput(ProcessBuilder.Redirect.PIPE);
        Process process = start();
        Thread reader = Thread.ofVirtual().start(() -> {
            try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
                lines.lines().forEach(line);
            } catch (IOException | UncheckedIOException e) {
                // The pipe ends with the process, and a killed process is already being reported.
            }
        });
        int code = waitFor(process);
        reader.join();
        return code;
    }

    /** Runs it with both outputs read and answers them; for short questions to the system. */
    public Answer ask() throws InterruptedException {
        List<String> lines = new ArrayList<>();
        builder.redirectErrorStream(true);
        int code = withoutInput().run(lines::add);
        return new Answer(code, List.copyOf(lines));
    }

    private Process start() {
        try {
            return builder.start();
        } catch (IOException e) {
            String program = builder.command().getFirst();
            throw CommandFailure.failed(
                    program + " cannot be run: " + e.getMessage(), "Run `stiefelctl setup` to see what is missing.");
        }
    }

    private static int waitFor(Process process) throws InterruptedException {
        try {
            return process.waitFor();
        } catch (InterruptedException e) {
            end(process.toHandle(), GRACE);
            throw e;
        }
    }

    /** Ends a process and all its descendants, each by its own id: asked first, killed after the grace. */
    public static void end(ProcessHandle root, Duration grace) {
        List<ProcessHandle> tree =
                Stream.concat(root.descendants(), Stream.of(root)).toList();
        tree.forEach(ProcessHandle::destroy);
        long deadline = System.nanoTime() + grace.toNanos();
        boolean interrupted = false;
        while (!interrupted && System.nanoTime() < deadline && tree.stream().anyMatch(ChildProcess::isRunning)) {
            try {
                Thread.sleep(50);
            } catch (InterruptedException e) {
                // A second Ctrl-C: no more patience.
                interrupted = true;
            }
        }
        Stream.concat(tree.stream(), root.descendants())
                .filter(ProcessHandle::isAlive)
                .forEach(ProcessHandle::destroyForcibly);
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Not ended: in a container or a lab nobody may collect an orphan that has. */
    private static boolean isRunning(ProcessHandle process) {
        try {
            String stat = Files.readString(Path.of("/proc", Long.toString(process.pid()), "stat"));
            return process.isAlive() && stat.charAt(stat.lastIndexOf(')') + 2) != 'Z';
        } catch (IOException e) {
            return false;
        }
    }

    /** What a short question brought. */
    public record Answer(int code, List<String> lines) {}
}
