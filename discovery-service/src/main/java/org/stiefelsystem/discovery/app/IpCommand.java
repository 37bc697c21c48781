package org.stiefelsystem.discovery.app;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The program {@code ip} of iproute2: it speaks netlink, and for every kernel. */
final class IpCommand {

    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private IpCommand() {}

    /**
     * Runs it to its end.
     *
     * @return its standard output
     * @throws IOException when it cannot be run, fails or does not end; the message says what it said
     */
    static String run(String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of("ip"));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).start();
        process.getOutputStream().close();
        // Both are short of a pipe's size when they come together: what fails prints no list of links.
        FutureTask<Output> reading = new FutureTask<>(() -> new Output(
                text(process.getInputStream().readAllBytes()),
                text(process.getErrorStream().readAllBytes()),
                process.waitFor()));
        Thread.ofVirtual().name("ip").start(reading);
        String words = String.join(" ", command);
        try {
            Output output = reading.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            if (output.status() != 0) {
                throw new IOException("`" + words + "` ended with " + output.status() + ": "
                        + output.errors().strip().replaceAll("\\R+", " "));
            }
            return output.text();
        } catch (TimeoutException e) {
            throw new IOException("`" + words + "` did not end within " + PATIENCE.toSeconds() + " s", e);
        } catch (ExecutionException e) {
            throw new IOException("`" + words + "` could not be read: " + e.getCause(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while `" + words + "` ran", e);
        } finally {
            process.destroyForcibly();
        }
    }

    /** The name of an interface is whatever bytes somebody chose. */
    private static String text(byte[] output) {
        return new String(output, StandardCharsets.UTF_8);
    }

    private record Output(String text, String errors, int status) {}
}
