package org.stiefelsystem.shell.setup;

import java.util.List;
import org.springframework.shell.core.command.CommandContext;
import org.springframework.shell.core.command.annotation.Command;
import org.springframework.shell.core.command.annotation.Option;
import org.springframework.stereotype.Component;
import org.stiefelsystem.shell.setup.Requirement.Need;

@Component
class SetupCommands {

    @Command(
            name = "setup",
            description = "say what this machine lacks; with --yes install it",
            help = "Installs with apt; no daemon is started by it.",
            group = "This machine")
    void setup(
            CommandContext context,
            @Option(longName = "yes", shortName = 'y', description = "install what is missing") boolean yes)
            throws InterruptedException {
        List<Requirement> missing = Requirement.missing(Need.TEST);
        if (missing.isEmpty()) {
            context.outputWriter().println("This machine has everything that `demo` and `test` need.");
            return;
        }
        Setup.list(missing, context.outputWriter());
        if (!yes) {
            throw Setup.notInstalled(missing);
        }
        Setup.install(missing, context.outputWriter());
        context.outputWriter().println("Everything is there now.");
    }
}
