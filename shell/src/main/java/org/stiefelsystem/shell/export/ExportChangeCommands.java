package org.stiefelsystem.shell.export;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.shell.core.command.CommandContext;
import org.springframework.shell.core.command.annotation.Argument;
import org.springframework.shell.core.command.annotation.Command;
import org.springframework.shell.core.command.annotation.Option;
import org.springframework.stereotype.Component;
import org.stiefelsystem.shell.Bytes;
import org.stiefelsystem.shell.CommandFailure;
import org.stiefelsystem.shell.Question;
import org.stiefelsystem.shell.service.ExportClient;
import org.stiefelsystem.shell.service.ServiceClients;

/** What a running block export serves, changed. */
@Component
class ExportChangeCommands {

    private static final String SERVICE = "block export";

    /** A disk that does not answer keeps the service for 20 s. */
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final ServiceClients clients;

    ExportChangeCommands(ServiceClients clients) {
        this.clients = clients;
    }

    @Command(
            name = "exports add",
            description = "serve one more disk, file or partition",
            help = "Until the service ends. What it may open: stiefel.export.allow-paths.",
            group = "Host")
    void add(
            CommandContext context,
            @Argument(index = 0, description = "the export's name") String name,
            @Argument(index = 1, description = "the disk, a device or a file") String path,
            @Option(longName = "read-only", description = "refuse writes; many clients") boolean readOnly,
            @Option(longName = "partition", description = "only this partition of it, by its number") @Nullable
                    Integer partition,
            @Option(longName = "offset", description = "only from this byte on") @Nullable String offset,
            @Option(longName = "size", description = "only so many bytes") @Nullable String size) {
        if (name.isBlank() || path.isBlank()) {
            throw CommandFailure.usage(
                    "`exports add` wants a NAME and a PATH that are not empty", "Run `stiefelctl help exports add`.");
        }
        if (partition != null && (offset != null || size != null)) {
            throw CommandFailure.usage(
                    "--partition does not go with --offset and --size", "A partition has its own offset and size.");
        }
        ExportClient.NewExport wanted = new ExportClient.NewExport(
                name, absolute(path), readOnly, bytes("--offset", offset), bytes("--size", size), partition);
        ExportClient.Export added =
                ServiceClients.ask(SERVICE, () -> clients.exports(PATIENCE).add(wanted));
        context.outputWriter()
                .println("%s is served: %s, %s, %s."
                        .formatted(added.name(), added.where(), Bytes.words(added.size()), added.access()));
    }

    private static String absolute(String path) {
        try {
            return Path.of(path).toAbsolutePath().toString();
        } catch (InvalidPathException e) {
            throw CommandFailure.usage("`" + path + "` is no path", "Name a disk, a device or a file.");
        }
    }

    private static @Nullable Long bytes(String option, @Nullable String text) {
        if (text == null) {
            return null;
        }
        if (!text.matches("\\d{1,18}")) {
            throw CommandFailure.usage(
                    option + " cannot be `" + text + "`", "It is a number of bytes, and a multiple of 512.");
        }
        return Long.valueOf(text);
    }

    @Command(
            name = "exports remove",
            description = "serve an export no more",
            help = "Its connections end after what they have asked for; it is flushed. Asks first.\n"
                    + "An export that a guest has a lease of is not removed: `exports lease break` comes first.",
            group = "Host")
    void remove(
            CommandContext context,
            @Argument(index = 0, description = "the export") String name,
            @Option(longName = "yes", shortName = 'y', description = "do not ask") boolean yes)
            throws InterruptedException {
        ExportClient.Export export = named(name);
        if (export.bootId() != null) {
            throw CommandFailure.failed(
                    name + " is not removed: it is leased to " + export.holderWords(),
                    "Shut that guest down, or take the lease from it first: stiefelctl exports lease break " + name);
        }
        context.outputWriter().println(users(export));
        context.outputWriter().flush();
        if (!yes && !Question.isAnsweredYes(context, "Serve " + name + " no more?", false)) {
            throw CommandFailure.failed(name + " was not removed", "Add --yes where nobody can be asked.");
        }
        ServiceClients.ask(SERVICE, () -> {
            clients.exports(PATIENCE).remove(name);
            return name;
        });
        context.outputWriter().println(name + " is not served any more.");
    }

    /** Who uses it now. */
    static String users(ExportClient.Export export) {
        String what = export.name() + " (" + export.where() + ", " + export.access() + ")";
        if (export.connections() == 0) {
            return "Nobody uses " + what + " now.";
        }
        String connections = export.connections() == 1 ? "1 connection" : export.connections() + " connections";
        return export.holder() == null
                ? what + " has " + connections + " now, which will end."
                : export.holderWords() + ", has had " + what + " for " + export.age() + ", by " + connections
                        + ", which will end.";
    }

    @Command(
            name = "exports grow",
            description = "serve a disk that has grown in its new size",
            help = "Those who connect from then on see it. Connections that are there keep the old size;\n"
                    + "a kernel's client takes the new one when it connects anew.",
            group = "Host")
    void grow(CommandContext context, @Argument(index = 0, description = "the export") String name) {
        long before = named(name).size();
        long now = ServiceClients.ask(
                SERVICE, () -> clients.exports(PATIENCE).grow(name).size());
        context.outputWriter()
                .println(
                        now == before
                                ? "%s has not grown: it has %d bytes.".formatted(name, now)
                                : "%s has %d bytes now, and had %d; connections that are there keep that."
                                        .formatted(name, now, before));
    }

    private ExportClient.Export named(String name) {
        List<ExportClient.Export> exports = ServiceClients.ask(
                        SERVICE, () -> clients.exports().exports())
                .stream()
                .filter(ExportClient.Export::served)
                .toList();
        return exports.stream()
                .filter(export -> export.name().equals(name))
                .findFirst()
                .orElseThrow(() -> CommandFailure.failed(
                        "no export is named " + name,
                        exports.isEmpty()
                                ? "Nothing is served now; `stiefelctl exports add` changes that."
                                : "Exports here: "
                                        + exports.stream()
                                                .map(ExportClient.Export::name)
                                                .collect(Collectors.joining(", "))
                                        + "."));
    }
}
