package org.stiefelsystem.discovery.app;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/** Two network namespaces, a host's and a guest's, and cables between them. */
final class NetworkNamespaces implements AutoCloseable {

    private final String host = "stfd" + ProcessHandle.current().pid() + "h";
    private final String guest = "stfd" + ProcessHandle.current().pid() + "g";

    NetworkNamespaces() {
        run("ip", "netns", "add", host);
        run("ip", "netns", "add", guest);
        onHost("ip", "link", "set", "lo", "up");
        onGuest("ip", "link", "set", "lo", "up");
    }

    /** A visible skip, or in CI a failure: there the tools belong to the machine. */
    static void require(String... tools) {
        String missing = "";
        if (!"root".equals(System.getProperty("user.name"))) {
            missing = "root (for network namespaces)";
        }
        for (String tool : tools) {
            boolean found = List.of(System.getenv("PATH").split(":")).stream()
                    .anyMatch(directory -> Files.isExecutable(Path.of(directory, tool)));
            missing += found ? "" : " " + tool;
        }
        if ("true".equals(System.getenv("CI")) && !missing.isBlank()) {
            throw new IllegalStateException("CI lacks: " + missing);
        }
        Assumptions.assumeTrue(missing.isBlank(), "skipped, since this machine lacks: " + missing);
    }

    /** Lays a cable between an interface of the host and one of the guest. */
    void cable(String hostEnd, String guestEnd) {
        run("ip", "link", "add", hostEnd, "netns", host, "type", "veth", "peer", "name", guestEnd, "netns", guest);
        onHost("sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/" + hostEnd + "/accept_dad");
        onGuest("sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/" + guestEnd + "/accept_dad");
        onHost("ip", "link", "set", hostEnd, "up");
        onGuest("ip", "link", "set", guestEnd, "up");
    }

    /** The host's end with an address of its own choice and still down, as a card that has just been plugged in. */
    void plugIn(String hostEnd, String mac, String guestEnd) {
        run(
                "ip", "link", "add", hostEnd, "address", mac, "netns", host, "type", "veth", "peer", "name", guestEnd,
                "netns", guest);
        onGuest("sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/" + guestEnd + "/accept_dad");
        onGuest("ip", "link", "set", guestEnd, "up");
    }

    /** Which the link has a moment after it has come up. */
    String linkLocalOfHost(String hostEnd) {
        return await().until(
                        () -> onHost("ip", "-6", "-o", "address", "show", "dev", hostEnd, "scope", "link")
                                .replaceAll("(?s).*inet6 ([0-9a-f:]+)/.*", "$1"),
                        address -> address.startsWith("fe80:"));
    }

    String onHost(String... command) {
        return run(inside(host, command));
    }

    String onGuest(String... command) {
        return run(inside(guest, command));
    }

    Process startOnHost(Path log, String... command) throws IOException {
        return new ProcessBuilder(inside(host, command))
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
    }

    @Override
    public void close() {
        run("ip", "netns", "delete", host);
        run("ip", "netns", "delete", guest);
    }

    private static String[] inside(String namespace, String... command) {
        List<String> whole = new ArrayList<>(List.of("ip", "netns", "exec", namespace));
        whole.addAll(List.of(command));
        return whole.toArray(String[]::new);
    }

    /** The command's standard output; its exit status is for the caller's assertions to show. */
    private static String run(String... command) {
        try {
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!process.waitFor(20, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new IllegalStateException("Did not end: " + String.join(" ", command));
            }
            return output;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
