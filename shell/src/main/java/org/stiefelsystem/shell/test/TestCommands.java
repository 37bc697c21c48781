package org.stiefelsystem.shell.test;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.springframework.shell.core.command.CommandContext;
import org.springframework.shell.core.command.annotation.Command;
import org.springframework.shell.core.command.annotation.Option;
import org.springframework.stereotype.Component;
import org.stiefelsystem.shell.Checkout;
import org.stiefelsystem.shell.ChildProcess;
import org.stiefelsystem.shell.CommandFailure;
import org.stiefelsystem.shell.setup.Setup;

@Component
class TestCommands {

    private final Checkout checkout;
    private final Setup setup;

    TestCommands(Checkout checkout, Setup setup) {
        this.checkout = checkout;
        this.setup = setup;
    }

    @Command(
            name = "test",
            description = "run what CI runs",
            help = "CI=true in the environment means --yes.",
            group = "Development")
    void test(
            CommandContext context,
            @Option(longName = "yes", shortName = 'y', description = "install what is missing") boolean yes,
            @Option(longName = "fast", description = "only the tests without machines") boolean fast,
            @Option(longName = "full", description = "also the long ones: cuts of ten minutes") boolean full)
            throws InterruptedException {
        if (fast && full) {
            throw CommandFailure.usage("--fast and --full exclude each other", "Choose one of them.");
        }
        setup.forTest(context, yes);
        List<String> command = new ArrayList<>(List.of("mvn", "-B", "verify"));
        if (fast) {
            command.add("-DskipITs");
        }
        if (full) {
            command.add("-Dstiefel.full=true");
        }
        context.outputWriter().println(String.join(" ", command));
        context.outputWriter().flush();
        int code = new ChildProcess(command)
                .in(checkout.root())
                .with(Map.of("STIEFEL_VAR", checkout.var().toString()))
                .withoutInput()
                .run();
        if (code != 0) {
            throw CommandFailure.said(code);
        }
    }
}
