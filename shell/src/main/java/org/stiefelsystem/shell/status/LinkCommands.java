package org.stiefelsystem.shell.status;

import java.io.PrintWriter;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import org.springframework.shell.core.command.CommandContext;
import org.springframework.shell.core.command.annotation.Command;
import org.springframework.shell.core.command.annotation.Option;
import org.springframework.stereotype.Component;
import org.stiefelsystem.shell.Bytes;
import org.stiefelsystem.shell.Json;
import org.stiefelsystem.shell.Table;
import org.stiefelsystem.shell.service.LinkClient;
import org.stiefelsystem.shell.service.ServiceClients;

@Component
class LinkCommands {

    private static final DateTimeFormatter LOCAL_TIME =
            DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss", Locale.ROOT).withZone(ZoneId.systemDefault());

    private final ServiceClients clients;

    LinkCommands(ServiceClients clients) {
        this.clients = clients;
    }

    @Command(
            name = "links",
            description = "network links, and whether the served one carries guests",
            help = "Ends with 69 when discovery does not run here.",
            group = "Host")
    void links(CommandContext context, @Option(longName = "json", description = "one JSON document") boolean json) {
        List<LinkClient.Link> links = ServiceClients.ask("discovery service", clients.links()::links);
        if (json) {
            Json.print(links, context.outputWriter());
        } else {
            print(links, context.outputWriter());
        }
    }

    private static void print(List<LinkClient.Link> links, PrintWriter output) {
        Table table = new Table().row("LINK", "STATE", "SPEED", "MTU", "MAC", "ADDRESS", "SERVED", "SINCE");
        for (LinkClient.Link link : links) {
            List<String> addresses = link.addresses();
            Long speed = link.speed();
            table.row(
                    link.name(),
                    link.state(),
                    speed == null ? "-" : Bytes.words(speed) + "/s",
                    String.valueOf(link.mtu()),
                    link.mac() == null ? "-" : link.mac(),
                    addresses.isEmpty() ? "-" : addresses.getFirst(),
                    served(link),
                    local(link.since()));
            addresses.stream().skip(1).forEach(address -> table.row("", "", "", "", "", address));
        }
        table.print(output);
    }

    private static String served(LinkClient.Link link) {
        if (!link.served()) {
            return "-";
        }
        if (link.listening() == null) {
            return "not yet";
        }
        return link.waitingFor().isEmpty() ? "yes" : "without " + String.join(", ", link.waitingFor());
    }

    private static String local(String instant) {
        return LOCAL_TIME.format(Instant.parse(instant));
    }
}
