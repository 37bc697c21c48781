package org.stiefelsystem.shell.demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A running {@code stiefelctl server}: a laptop whose disk is served. What it prints goes to a log. */
public final class ServerProcess implements AutoCloseable {

    private static final Duration START = Duration.ofMinutes(2);
    private static final String READY = "ready stiefel server ";

    private final Process process;
    private final Path log;

    private ServerProcess(Process process, Path log) {
        this.process = process;
        this.log = log;
    }

    /**
     * Starts it and waits until it serves.
     *
     * @throws IOException when it ends or does not serve in time; its message is the last that the server said
     */
    public static ServerProcess start(ProcessBuilder command, Path log) throws IOException, InterruptedException {
        Files.deleteIfExists(log);
        ServerProcess server =
                new ServerProcess(command.redirectErrorStream(true).start(), log);
        CompletableFuture<Boolean> ready = new CompletableFuture<>();
        Thread.ofVirtual().start(() -> server.copyOutput(ready));
        try {
            if (ready.get(START.toSeconds(), TimeUnit.SECONDS)) {
                return server;
            }
        } catch (ExecutionException | TimeoutException | InterruptedException e) {
            server.close();
            if (e instanceof InterruptedException interrupted) {
                throw interrupted;
            }
            throw new IOException("it did not serve within " + START.toSeconds() + " s; " + server.lastWords(), e);
        }
        server.close();
        throw new IOException(server.lastWords());
    }

    private void copyOutput(CompletableFuture<Boolean> ready) {
        try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                Files.writeString(log, line + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
                if (line.startsWith(READY)) {
                    ready.complete(true);
                }
            }
        } catch (IOException e) {
            // The pipe ends with the server.
        }
        ready.complete(false);
    }

    private String lastWords() throws IOException {
        return log().isEmpty()
                ? "it printed nothing"
                : String.join(" ", log().lines().toList());
    }

    public String log() throws IOException {
        return Files.exists(log) ? Files.readString(log) : "";
    }

    /** Asks it to end, as a person or systemd would. Answers whether it did, half a minute at the most. */
    public boolean stop() throws InterruptedException {
        List<ProcessHandle> below = process.descendants().toList();
        // Where nsenter put the server into its namespace, that ends with it and must not be ended before it.
        if (!process.info().command().orElse("").endsWith("/nsenter")) {
            // By its handle: Process.destroy closes the pipe, too, and its last words would be lost.
            process.toHandle().destroy();
        }
        below.forEach(ProcessHandle::destroy);
        return process.waitFor(30, TimeUnit.SECONDS);
    }

    /** Waits for it to end by itself. */
    public boolean awaitEnd(Duration deadline) throws InterruptedException {
        return process.waitFor(deadline.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Kills it, as a crash would. */
    @Override
    public void close() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().onExit().orTimeout(10, TimeUnit.SECONDS).join();
    }
}
