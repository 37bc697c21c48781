package org.stiefelsystem.shell;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.shell.core.command.CommandContext;
import org.springframework.shell.core.command.CommandOption;
import org.springframework.shell.core.command.annotation.Arguments;
import org.springframework.shell.core.command.annotation.Command;
import org.springframework.stereotype.Component;
import org.stiefelsystem.shell.ShellCommands.ShellCommand;

/** {@code help} and {@code version}. */
@Component
class HelpCommands {

    private final ObjectProvider<ShellCommands> all;

    HelpCommands(ObjectProvider<ShellCommands> all) {
        this.all = all;
    }

    @Command(name = "help", description = "list all commands, or say what one of them does", group = "Shell")
    void help(CommandContext context, @Arguments List<String> command) {
        PrintWriter output = context.outputWriter();
        ShellCommands commands = all.getObject();
        if (command.isEmpty()) {
            all(commands, output);
            return;
        }
        String name = String.join(" ", command);
        commands.find(name).ifPresentOrElse(found -> one(found, output), () -> {
            List<ShellCommand> group = commands.group(name);
            if (group.isEmpty()) {
                throw CommandFailure.usage(
                        "`" + name + "` is not a command",
                        commands.nearest(name)
                                .map(near -> "Did you mean `help " + near + "`?")
                                .orElse("Run `stiefelctl help` for all commands."));
            }
            table(output, group);
        });
    }

    @Command(name = "version", description = "say which version this is", group = "Shell")
    void version(CommandContext context) {
        String version = HelpCommands.class.getPackage().getImplementationVersion();
        context.outputWriter()
                .println("stiefelctl " + (version == null ? "from the working tree" : version) + " on Java "
                        + Runtime.version());
    }

    private static void all(ShellCommands commands, PrintWriter output) {
        output.println("stiefelctl [COMMAND [OPTIONS]]     without a command: the prompt `stiefel>`");
        commands.visible().stream()
                .map(command -> command.command().getGroup())
                .distinct()
                .sorted()
                .forEach(group -> {
                    output.println();
                    output.println(group + ":");
                    table(
                            output,
                            commands.visible().stream()
                                    .filter(command ->
                                            command.command().getGroup().equals(group))
                                    .toList());
                });
        output.println();
        output.println("With every command: --help, and --set key=value for one setting (see `config show`).");
    }

    private static void table(PrintWriter output, List<ShellCommand> rows) {
        Table table = new Table();
        rows.forEach(
                command -> table.row("  " + command.name(), command.command().getDescription()));
        table.print(output);
    }

    private static void one(ShellCommand command, PrintWriter output) {
        List<String> synopsis = new ArrayList<>();
        command.arguments().forEach(argument -> synopsis.add(argument.toUpperCase(Locale.ROOT)));
        if (command.takesMore()) {
            synopsis.add("[WORD ...]");
        }
        Table table = new Table();
        for (CommandOption option : command.command().getOptions()) {
            String words = "--" + option.longName()
                    + (CommandLineParser.isFlag(option)
                            ? ""
                            : " " + String.valueOf(option.longName()).toUpperCase(Locale.ROOT));
            synopsis.add(Boolean.TRUE.equals(option.required()) ? words : "[" + words + "]");
            table.row("  " + words, String.valueOf(option.description()));
        }
        output.println("stiefelctl " + command.name() + " " + String.join(" ", synopsis));
        output.println();
        output.println("  " + command.command().getDescription());
        if (!command.command().getHelp().isEmpty()) {
            command.command().getHelp().lines().forEach(line -> output.println("  " + line));
        }
        if (!command.command().getOptions().isEmpty()) {
            output.println();
            table.print(output);
        }
    }
}
