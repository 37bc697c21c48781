package org.stiefelsystem.shell.config;

import org.springframework.shell.core.command.CommandContext;
import org.springframework.shell.core.command.annotation.Command;
import org.springframework.shell.core.command.annotation.Option;
import org.springframework.stereotype.Component;
import org.stiefelsystem.shell.Json;
import org.stiefelsystem.shell.Settings;
import org.stiefelsystem.shell.Table;

@Component
class ConfigCommands {

    private final Settings settings;

    ConfigCommands(Settings settings) {
        this.settings = settings;
    }

    @Command(
            name = {"config", "show"},
            description = "show the effective settings and where each comes from",
            help = "Order: --set, environment (STIEFEL_EXPORT_PORT), /etc/stiefel/stiefel.yml, default.",
            group = "This machine")
    void show(CommandContext context, @Option(longName = "json", description = "one JSON document") boolean json) {
        settings.checkPorts();
        if (json) {
            Json.print(settings.all(), context.outputWriter());
            return;
        }
        Table table = new Table();
        settings.all()
                .forEach(setting ->
                        table.row(setting.name(), setting.value().isEmpty() ? "-" : setting.value(), setting.from()));
        table.print(context.outputWriter());
    }
}
