package org.stiefelsystem.shell.setup;

import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.springframework.shell.core.command.CommandContext;
import org.springframework.stereotype.Component;
import org.stiefelsystem.shell.CommandFailure;
import org.stiefelsystem.shell.Question;
import org.stiefelsystem.shell.Table;
import org.stiefelsystem.shell.setup.Requirement.Need;

/** Brings what a command needs: at once when that was said, after a yes on a terminal, never otherwise. */
@Component
public class Setup {

    /** For {@code demo}. */
    public void forDemo(CommandContext context, boolean yes) throws InterruptedException {
        ensure(context, Need.DEMO, yes);
    }

    /** For {@code test}. */
    public void forTest(CommandContext context, boolean yes) throws InterruptedException {
        ensure(context, Need.TEST, yes);
    }

    /** The packages that {@code setup} would install, for a sentence; empty when there is none. */
    public static String missingPackages() {
        return packages(Requirement.missing(Need.TEST));
    }

    private static void ensure(CommandContext context, Need need, boolean yes) throws InterruptedException {
        List<Requirement> missing = Requirement.missing(need);
        if (missing.isEmpty()) {
            return;
        }
        list(missing, context.outputWriter());
        if (!yes && !isAutomatic() && !Question.isAnsweredYes(context, "Install them with apt?", true)) {
            throw notInstalled(missing);
        }
        install(missing, context.outputWriter());
    }

    static void list(List<Requirement> missing, PrintWriter output) {
        output.println("This machine lacks:");
        Table table = new Table();
        missing.forEach(requirement ->
                table.row("  " + requirement.program(), requirement.packageName(), "for " + requirement.purpose()));
        table.print(output);
    }

    static CommandFailure notInstalled(List<Requirement> missing) {
        return CommandFailure.failed(
                missing.size() + (missing.size() == 1 ? " program is" : " programs are") + " missing",
                "Run `stiefelctl setup --yes`, or: apt-get install " + packages(missing));
    }

    private static boolean isAutomatic() {
        return System.getenv().getOrDefault("CI", "").toLowerCase(Locale.ROOT).equals("true");
    }

    static void install(List<Requirement> missing, PrintWriter output) throws InterruptedException {
        if (!Files.isExecutable(Path.of("/usr/bin/apt-get"))) {
            throw CommandFailure.failed(
                    "this machine has no apt-get", "Install what the list names with its own package manager.");
        }
        if (!"root".equals(System.getProperty("user.name"))) {
            throw CommandFailure.failed(
                    "only root can install packages", "Run: sudo apt-get install " + packages(missing));
        }
        try (ServiceDenial denial = ServiceDenial.onThisMachine()) {
            if (!denial.isPlaced()) {
                output.println("/usr/sbin/policy-rc.d is this machine's own; it decides which services start.");
                output.flush();
            }
            new Apt(output)
                    .install(missing.stream()
                            .map(Requirement::packageName)
                            .distinct()
                            .toList());
        }
        List<Requirement> still =
                missing.stream().filter(requirement -> !requirement.isPresent()).toList();
        if (!still.isEmpty()) {
            throw CommandFailure.failed(
                    "still missing after the installation: "
                            + still.stream().map(Requirement::program).collect(Collectors.joining(", ")),
                    "This distribution names its packages differently; install them yourself.");
        }
    }

    private static String packages(List<Requirement> missing) {
        return missing.stream().map(Requirement::packageName).distinct().collect(Collectors.joining(" "));
    }
}
