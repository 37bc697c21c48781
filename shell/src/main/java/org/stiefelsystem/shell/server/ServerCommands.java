package org.stiefelsystem.shell.server;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.temporal.ChronoUnit;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.shell.core.command.CommandContext;
import org.springframework.shell.core.command.annotation.Command;
import org.springframework.shell.core.command.annotation.Option;
import org.springframework.stereotype.Component;
import org.stiefelsystem.shell.CommandFailure;
import org.stiefelsystem.shell.NetworkLinks;
import org.stiefelsystem.shell.ServerNote;
import org.stiefelsystem.shell.Settings;

@Component
class ServerCommands {

    /** Duplicate address detection takes one to two seconds, a switch port some more. */
    private static final Duration LINK_PATIENCE = Duration.ofSeconds(15);

    private static final Duration BETWEEN_LOOKS = Duration.ofMillis(500);

    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,62}");

    private final Settings settings;

    ServerCommands(Settings settings) {
        this.settings = settings;
    }

    @Command(
            name = "server",
            description = "serve this machine's disk and system to a guest",
            help = "Runs until Ctrl-C. The disk must not be in use.",
            group = "Host")
    void server(
            CommandContext context,
            @Option(longName = "disk", description = "the disk, a device or a file", required = true) String disk,
            @Option(longName = "mode", description = "how the disk becomes the guest's root: direct") @Nullable
                    String mode,
            @Option(longName = "transport", description = "plain (wireguard comes with a later version)") @Nullable
                    String transport,
            @Option(longName = "link", description = "the one link that is served") @Nullable String link,
            @Option(longName = "bind", description = "listen here, another IPv6 link-local address of the link")
                    @Nullable
                    String bind,
            @Option(longName = "boot-dir", description = "where the newest kernel and its initrd are") @Nullable
                    String bootDir,
            @Option(longName = "kernel", description = "this kernel, with --initrd and --cmdline") @Nullable
                    String kernel,
            @Option(longName = "initrd", description = "this initrd") @Nullable String initrd,
            @Option(longName = "cmdline", description = "the kernel's command line") @Nullable String cmdline,
            @Option(longName = "name", description = "what the guest calls this host") @Nullable String name)
            throws InterruptedException {
        String chosenMode = mode == null ? settings.get("stiefel.payload.mode") : mode;
        if (!chosenMode.equals("direct")) {
            throw CommandFailure.usage(
                    "the mode `" + chosenMode + "` comes with a later version", "Use --mode direct.");
        }
        String chosenTransport = transport == null ? settings.get("stiefel.transport") : transport;
        String chosenLink = link == null ? settings.get("stiefel.link") : link;
        checkLink(chosenTransport, chosenLink);
        if (disk.isBlank()) {
            throw CommandFailure.usage("--disk cannot be empty", "Run `stiefelctl help server`.");
        }
        String chosenName = name == null ? settings.get("stiefel.payload.name") : name;
        if ((name != null || !chosenName.isEmpty()) && !NAME.matcher(chosenName).matches()) {
            throw CommandFailure.usage(
                    "`" + chosenName + "` cannot be this host's name",
                    "Use letters, digits, dots, dashes; 63 at most.");
        }
        checkBootFile("--boot-dir", bootDir, Files::isDirectory, "a directory");
        checkBootFile("--kernel", kernel, Files::isRegularFile, "a file");
        checkBootFile("--initrd", initrd, Files::isRegularFile, "a file");
        settings.checkPorts();
        Map<String, String> chosen = new HashMap<>();
        chosen.put("stiefel.transport", chosenTransport);
        chosen.put("stiefel.link", chosenLink);
        chosen.put("stiefel.export.exports[0].name", settings.get("stiefel.payload.export"));
        chosen.put(
                "stiefel.export.exports[0].path", Path.of(disk).toAbsolutePath().toString());
        chosen.put("stiefel.export.exports[0].read-only", "false");
        chosen.put("stiefel.payload.mode", chosenMode);
        put(chosen, "stiefel.payload.boot-dir", bootDir);
        put(chosen, "stiefel.payload.kernel", kernel);
        put(chosen, "stiefel.payload.initrd", initrd);
        put(chosen, "stiefel.payload.cmdline", cmdline);
        put(chosen, "stiefel.payload.name", name);
        String wanted = bind == null ? settings.find("stiefel.bind").orElse(null) : bind;
        if (wanted != null) {
            // Refused before the link is touched.
            LinkAddress.onLink(wanted, chosenLink);
        }
        boolean raised = LinkAddress.raise(chosenLink);
        try {
            String own = LinkAddress.of(chosenLink, LINK_PATIENCE);
            String address = wanted == null ? own : LinkAddress.chosen(wanted, chosenLink);
            chosen.put("stiefel.bind", address);
            serve(
                    context.outputWriter(),
                    chosen,
                    ServerNote.of(ProcessHandle.current(), disk, chosenMode, chosenTransport, chosenLink, address));
        } finally {
            if (raised) {
                LinkAddress.lower(chosenLink);
            }
        }
    }

    private static void checkLink(String transport, String link) {
        String links = "Links of this machine: " + String.join(", ", NetworkLinks.names()) + ".";
        switch (transport) {
            case "plain" -> {
                if (link.isEmpty()) {
                    throw CommandFailure.usage(
                            "plain transport wants the one link that it may use", "Add --link IF. " + links);
                }
            }
            case "wireguard" ->
                throw CommandFailure.usage(
                        "WireGuard comes with a later version; without it nothing on the link is encrypted",
                        "On a cable that you trust, use --transport plain --link IF. " + links);
            default ->
                throw CommandFailure.usage(
                        "there is no transport `" + transport + "`", "Use --transport plain --link IF. " + links);
        }
    }

    private static void checkBootFile(String option, @Nullable String path, Predicate<Path> isRight, String what) {
        if (path == null) {
            return;
        }
        if (path.isBlank()) {
            throw CommandFailure.usage(option + " cannot be empty", "Run `stiefelctl help server`.");
        }
        if (!Files.exists(Path.of(path))) {
            throw CommandFailure.failed(option + " " + path + " does not exist", "Name " + what + " that is there.");
        }
        if (!isRight.test(Path.of(path))) {
            throw CommandFailure.failed(option + " " + path + " is not " + what, "Name " + what + ".");
        }
    }

    private static void put(Map<String, String> settings, String key, @Nullable String value) {
        if (value != null) {
            settings.put(key, value);
        }
    }

    private void serve(PrintWriter output, Map<String, String> chosen, ServerNote note) throws InterruptedException {
        try (AllInOne services = AllInOne.start(chosen, settings)) {
            note.write(settings.runDir());
            output.println("Serving " + note.disk() + " (" + note.mode() + ", writable, one guest at a time) on "
                    + note.link() + " at " + note.address() + ".");
            output.println("The transport is plain: nothing on " + note.link()
                    + " is encrypted, and every machine on it may write to the disk. Use one trusted cable.");
            output.println(
                    "ready stiefel server link=" + note.link() + " address=" + note.address() + " pid=" + note.pid());
            output.flush();
            follow(services.events(), output);
        } catch (IOException e) {
            throw CommandFailure.failed(
                    settings.runDir() + " cannot be written: " + e.getMessage(),
                    "Run this as root, or use --set stiefel.run-dir=DIR.");
        } finally {
            note.remove(settings.runDir());
        }
    }

    private static void follow(ServerEvents events, PrintWriter output) throws InterruptedException {
        try {
            while (true) {
                for (String event : events.sinceLastLook()) {
                    output.println(
                            LocalTime.now(ZoneId.systemDefault()).truncatedTo(ChronoUnit.SECONDS) + "  " + event);
                }
                output.flush();
                Thread.sleep(BETWEEN_LOOKS);
            }
        } catch (InterruptedException e) {
            output.println("Stopping: what has arrived is written and flushed.");
            output.flush();
            throw e;
        }
    }
}
