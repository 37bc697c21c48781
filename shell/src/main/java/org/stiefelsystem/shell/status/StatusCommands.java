package org.stiefelsystem.shell.status;

import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.shell.core.command.CommandContext;
import org.springframework.shell.core.command.annotation.Command;
import org.springframework.shell.core.command.annotation.Option;
import org.springframework.stereotype.Component;
import org.springframework.web.client.ResourceAccessException;
import org.springframework.web.client.RestClientException;
import org.stiefelsystem.shell.Bytes;
import org.stiefelsystem.shell.CommandFailure;
import org.stiefelsystem.shell.Json;
import org.stiefelsystem.shell.ServerNote;
import org.stiefelsystem.shell.Settings;
import org.stiefelsystem.shell.Table;
import org.stiefelsystem.shell.service.BootClient;
import org.stiefelsystem.shell.service.ExportClient;
import org.stiefelsystem.shell.service.LinkClient;
import org.stiefelsystem.shell.service.ServiceClients;

@Component
class StatusCommands {

    private final ServiceClients clients;
    private final Settings settings;

    StatusCommands(ServiceClients clients, Settings settings) {
        this.clients = clients;
        this.settings = settings;
    }

    @Command(
            name = "status",
            description = "services, exports, guests and the last boot",
            help = "Ends with 69 when nothing runs here.",
            group = "Host")
    void status(CommandContext context, @Option(longName = "json", description = "one JSON document") boolean json) {
        Status status = ask();
        if (json) {
            Json.print(status, context.outputWriter());
        }
        if (status.isNothingRunning()) {
            throw CommandFailure.unreachable(
                    "no service of the Stiefelsystem runs on this machine",
                    "Start one: stiefelctl server --disk PATH --boot-dir DIR --transport plain --link IF");
        }
        if (!json) {
            print(status, context.outputWriter());
        }
    }

    private Status ask() {
        List<Status.Service> services =
                Stream.of("discovery", "payload", "export").map(this::service).toList();
        List<ExportClient.Export> exports = services.get(2).isReachable()
                ? ServiceClients.ask("block export", () -> clients.exports().exports())
                : List.of();
        List<BootClient.Boot> boots = services.get(1).isReachable()
                ? ServiceClients.ask("payload service", () -> clients.boots().boots())
                : List.of();
        return new Status(
                server(services.getFirst()),
                services,
                exports,
                guests(exports, boots),
                boots.isEmpty() ? null : boots.getFirst());
    }

    /** The server that runs here, at the address that it listens at by now: its link may have been made anew. */
    private @Nullable ServerNote server(Status.Service discovery) {
        ServerNote note = ServerNote.read(settings.runDir()).orElse(null);
        if (note == null || !discovery.isReachable()) {
            return note;
        }
        return ServiceClients.ask("discovery service", () -> clients.links().links()).stream()
                .map(LinkClient.Link::listening)
                .filter(Objects::nonNull)
                .findFirst()
                .map(note::listeningAt)
                .orElse(note);
    }

    private Status.Service service(String name) {
        String setting = "stiefel." + name;
        String address = settings.get("stiefel.actuator.bind") + ":" + settings.port(setting + ".actuator-port");
        try {
            String state = clients.health(setting).health().status();
            return new Status.Service(
                    name, state == null ? Status.Service.NOT_OURS : state.toLowerCase(Locale.ROOT), address);
        } catch (ResourceAccessException e) {
            return new Status.Service(name, Status.Service.NOT_RUNNING, address);
        } catch (RestClientException | CommandFailure e) {
            // Something listens there and does not speak as a service of ours does.
            return new Status.Service(name, Status.Service.NOT_OURS, address);
        }
    }

    private static List<Status.Guest> guests(List<ExportClient.Export> exports, List<BootClient.Boot> boots) {
        Map<String, Status.Guest> guests = new LinkedHashMap<>();
        for (BootClient.Boot boot : boots) {
            String phase = boot.failed() != null
                    ? "failed: " + boot.failed()
                    : boot.phases().isEmpty()
                            ? "manifest"
                            : boot.phases().getLast().phase();
            guests.merge(
                    boot.guest(),
                    new Status.Guest(boot.guest(), 1, phase, held(exports, boot.guest())),
                    (newer, older) ->
                            new Status.Guest(newer.address(), newer.boots() + 1, newer.phase(), newer.holds()));
        }
        for (ExportClient.Export export : exports) {
            if (export.holder() != null) {
                guests.putIfAbsent(
                        export.holder(), new Status.Guest(export.holder(), 0, "-", held(exports, export.holder())));
            }
        }
        return List.copyOf(guests.values());
    }

    private static List<String> held(List<ExportClient.Export> exports, String guest) {
        return exports.stream()
                .filter(export -> guest.equals(export.holder()))
                .map(ExportClient.Export::name)
                .toList();
    }

    private static void print(Status status, PrintWriter output) {
        ServerNote server = status.server();
        if (server != null) {
            output.println("Serving " + server.disk() + " (" + server.mode() + ") on " + server.link() + ", "
                    + server.address() + ", by process " + server.pid());
            if (server.transport().equals("plain")) {
                output.println("The link is plain: nothing on it is encrypted or authenticated.");
            }
            output.println();
        }
        Table services = new Table().row("SERVICE", "STATE", "HEALTH AT");
        status.services().forEach(service -> services.row(service.name(), service.state(), service.address()));
        services.print(output);
        output.println();
        if (status.exports().isEmpty()) {
            output.println("No exports.");
        } else {
            Table exports =
                    new Table().row("EXPORT", "SIZE", "ACCESS", "CONNECTIONS", "READ", "WRITTEN", "HOLDER", "PATH");
            status.exports()
                    .forEach(export -> exports.row(
                            export.name(),
                            Bytes.words(export.size()),
                            export.access(),
                            String.valueOf(export.connections()),
                            Bytes.words(export.bytesRead()),
                            Bytes.words(export.bytesWritten()),
                            export.holder() == null ? "-" : export.holder(),
                            export.where()));
            exports.print(output);
        }
        output.println();
        if (status.guests().isEmpty()) {
            output.println("No guest yet.");
        } else {
            Table guests = new Table().row("GUEST", "BOOTS", "LAST PHASE", "HOLDS");
            status.guests()
                    .forEach(guest -> guests.row(
                            guest.address(),
                            String.valueOf(guest.boots()),
                            guest.phase(),
                            guest.holds().isEmpty() ? "-" : String.join(", ", guest.holds())));
            guests.print(output);
        }
        BootClient.Boot boot = status.lastBoot();
        if (boot != null) {
            output.println();
            print(boot, output);
        }
    }

    private static void print(BootClient.Boot boot, PrintWriter output) {
        output.println("Last boot of " + boot.guest() + ", " + boot.started() + " (" + boot.bootId() + ")");
        Table timeline = new Table();
        double before = 0;
        for (BootClient.Phase phase : boot.phases()) {
            timeline.row(
                    "  " + phase.phase(),
                    seconds(phase.seconds()),
                    "+" + seconds(phase.seconds() - before).strip());
            before = phase.seconds();
        }
        timeline.print(output);
        if (boot.failed() != null) {
            output.println("  failed: " + boot.failed());
        }
    }

    private static String seconds(double seconds) {
        return String.format(Locale.ROOT, "%7.2f s", seconds);
    }
}
