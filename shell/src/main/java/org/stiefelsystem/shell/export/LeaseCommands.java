package org.stiefelsystem.shell.export;

import java.util.List;
import java.util.stream.Collectors;
import org.springframework.shell.core.command.CommandContext;
import org.springframework.shell.core.command.annotation.Argument;
import org.springframework.shell.core.command.annotation.Command;
import org.springframework.shell.core.command.annotation.Option;
import org.springframework.stereotype.Component;
import org.stiefelsystem.shell.Bytes;
import org.stiefelsystem.shell.CommandFailure;
import org.stiefelsystem.shell.Json;
import org.stiefelsystem.shell.Question;
import org.stiefelsystem.shell.Table;
import org.stiefelsystem.shell.service.ExportClient;
import org.stiefelsystem.shell.service.ServiceClients;

/** Who has which export, and how it is taken from them. */
@Component
class LeaseCommands {

    private static final String SERVICE = "block export";

    private final ServiceClients clients;

    LeaseCommands(ServiceClients clients) {
        this.clients = clients;
    }

    @Command(name = "exports", description = "what is served over NBD, and who has it", help = """
                    STATE: free; held by a holder that is connected; waiting for one that is not; failed, after a sync,
                    or because a part of its disk is not there any more.
                    PATH "not served": a lease that is kept, of an export that is not served now.""", group = "Host")
    void exports(CommandContext context, @Option(longName = "json", description = "one JSON document") boolean json) {
        List<ExportClient.Export> exports = all();
        if (json) {
            Json.print(exports, context.outputWriter());
            return;
        }
        Table table = new Table()
                .row(
                        "EXPORT",
                        "STATE",
                        "HOLDER",
                        "BOOT ID",
                        "SINCE",
                        "RECONNECTS",
                        "UNFLUSHED",
                        "SIZE",
                        "ACCESS",
                        "PATH");
        exports.forEach(export -> table.row(
                export.name(),
                export.state(),
                export.holder() == null ? "-" : export.holder(),
                export.shortBootId(),
                export.holder() == null ? "-" : export.age(),
                String.valueOf(export.reconnects()),
                Bytes.words(export.bytesUnflushed()),
                Bytes.words(export.size()),
                export.access(),
                export.where()));
        table.print(context.outputWriter());
        exports.stream()
                .filter(export -> export.failure() != null)
                .forEach(export -> context.outputWriter().println(export.name() + " has failed: " + export.failure()));
    }

    @Command(
            name = "exports lease break",
            description = "take an export from its holder, for good",
            help = "The holder is refused from then on, even if it was only disconnected. Asks first.",
            group = "Host")
    void breakLease(
            CommandContext context,
            @Argument(index = 0, description = "the export") String name,
            @Option(longName = "yes", shortName = 'y', description = "do not ask") boolean yes)
            throws InterruptedException {
        List<ExportClient.Export> exports = all();
        ExportClient.Export export = exports.stream()
                .filter(candidate -> candidate.name().equals(name))
                .findFirst()
                .orElseThrow(() -> CommandFailure.failed(
                        "no export is named " + name,
                        "Exports here: "
                                + exports.stream()
                                        .map(ExportClient.Export::name)
                                        .collect(Collectors.joining(", "))
                                + "."));
        if (export.holder() == null) {
            throw CommandFailure.failed("nobody has the export " + name, "There is nothing to break.");
        }
        context.outputWriter().println(consequences(export));
        context.outputWriter().flush();
        if (!yes && !Question.isAnsweredYes(context, "Break the lease of " + name + "?", false)) {
            throw CommandFailure.failed(
                    "the lease of " + name + " was not broken", "Add --yes where nobody can be asked.");
        }
        ExportClient.BrokenLease broken =
                ServiceClients.ask(SERVICE, () -> clients.exports().breakLease(name, export.holderId()), changed -> {
                    throw CommandFailure.failed(
                            "the lease of " + name + " was not broken: " + changed, "Look again: stiefelctl exports");
                });
        context.outputWriter().println(broken.holder() + " has no lease of " + name + " any more.");
    }

    /** What its holder loses. */
    static String consequences(ExportClient.Export export) {
        String who = export.bootId() == null
                ? export.holder() + ", a tool that asked for the export by its plain name,"
                : export.holder() + " (boot " + export.shortBootId() + ")";
        String connected =
                export.state().equals("waiting") ? ", is not connected now, and could still come back." : ".";
        return who + " has had " + export.name() + " for " + export.age() + connected
                + "\nIt loses it for good: what runs there stops, and what it has not written yet is lost."
                + " What it has written stays"
                + (!export.served()
                        ? "."
                        : export.bytesUnflushed() == 0
                                ? "; all of that is flushed."
                                : "; " + Bytes.words(export.bytesUnflushed()) + " on this export are not flushed yet,"
                                        + " and will be when this service ends in order.");
    }

    private List<ExportClient.Export> all() {
        return ServiceClients.ask(SERVICE, () -> clients.exports().exports());
    }
}
