package org.stiefelsystem.shell.demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A network of its own for hosts and virtual desktops: a network and process namespace with one bridge, {@link #LINK}. The
 * host is the namespace itself, whose end of the cable is the bridge; each desktop is plugged in by a tap. When the lab
 * ends, the kernel ends every process in it and removes every interface, whatever state they are in.
 */
public final class Lab implements AutoCloseable {

    /** The host's interface on the cable. */
    public static final String LINK = "stiefel0";

    /** Set by the launcher for a JVM that already runs in a namespace of its own. */
    private static final String INSIDE = "STIEFEL_LAB";

    private final @Nullable Process holder;
    private final List<String> prefix;

    private Lab(@Nullable Process holder, List<String> prefix) {
        this.holder = holder;
        this.prefix = prefix;
    }

    public static boolean isInside() {
        return System.getenv(INSIDE) != null;
    }

    /** The namespace that this JVM was started in. */
    static Lab here() throws IOException, InterruptedException {
        Lab lab = new Lab(null, List.of());
        lab.run("sh", "-c", bridge());
        return lab;
    }

    /** A new namespace beside this JVM. It ends with {@link #close()}, and with this JVM however that ends. */
    public static Lab isolated() throws IOException, InterruptedException {
        // `cat` ends when the pipe from this JVM does, and with it, PID 1, everything in the namespace.
        Process holder = new ProcessBuilder(
                        "unshare",
                        "--net",
                        "--pid",
                        "--fork",
                        "--kill-child",
                        "--mount-proc",
                        "sh",
                        "-ec",
                        bridge() + "\necho \"$(readlink /proc/self/ns/net)\"\nexec cat")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        BufferedReader answer = holder.inputReader(StandardCharsets.US_ASCII);
        if (answer.readLine() == null) {
            throw new IOException(
                    "no network namespace can be made: unshare ended with " + holder.waitFor() + " (this needs root)");
        }
        long init = holder.children()
                .findFirst()
                .orElseThrow(() -> new IOException("the network namespace ended at once"))
                .pid();
        return new Lab(holder, List.of("nsenter", "--target", Long.toString(init), "--net", "--pid", "--mount", "--"));
    }

    private static String bridge() {
        // No spanning tree and no snooping: both delay or swallow what a cable would carry at once. A port that is
        // always up gives the bridge its carrier, and so its link-local address, before a desktop is switched on.
        return """
                set -e
                ip link set lo up
                ip link add %1$s type bridge stp_state 0 forward_delay 0 mcast_snooping 0
                ip link add plug0 type veth peer name plug1
                ip link set plug0 master %1$s up
                ip link set plug1 up
                ip link set %1$s up
                """.formatted(LINK);
    }

    /** Plugs a cable in: a tap for a desktop's NIC, on the bridge. */
    public void addTap(String name) throws IOException, InterruptedException {
        run("ip", "tuntap", "add", name, "mode", "tap");
        run("ip", "link", "set", name, "master", LINK, "up");
    }

    /** The cable carries nothing from now on, or everything again; neither end sees its carrier go. */
    public void setTap(String name, boolean carries) throws IOException, InterruptedException {
        run("ip", "link", "set", name, carries ? "up" : "down");
    }

    /** A process of this lab, not yet started. */
    public ProcessBuilder process(List<String> command) {
        List<String> words = new ArrayList<>(prefix);
        words.addAll(command);
        return new ProcessBuilder(words).redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")));
    }

    /** Runs a command in the lab and answers what it printed on standard output. */
    public String run(String... command) throws IOException, InterruptedException {
        Process process = process(List.of(command)).start();
        var errors = Thread.ofVirtual().start(() -> {
            try {
                process.getErrorStream().transferTo(System.err);
            } catch (IOException e) {
                // The pipe ends with the process.
            }
        });
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        int code = process.waitFor();
        errors.join();
        if (code != 0) {
            throw new IOException("`" + String.join(" ", command) + "` ended with " + code + ":\n" + output.strip());
        }
        return output;
    }

    @Override
    public void close() throws IOException {
        if (holder == null) {
            return;
        }
        try (OutputStream end = holder.getOutputStream()) {
            end.flush();
        }
        try {
            if (!holder.waitFor(10, TimeUnit.SECONDS)) {
                holder.descendants().forEach(ProcessHandle::destroyForcibly);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
