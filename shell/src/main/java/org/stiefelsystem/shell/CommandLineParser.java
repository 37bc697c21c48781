package org.stiefelsystem.shell;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.springframework.shell.core.command.CommandArgument;
import org.springframework.shell.core.command.CommandOption;
import org.springframework.shell.core.command.ParsedInput;
import org.stiefelsystem.shell.ShellCommands.ShellCommand;

/**
 * Words to a command with its options and arguments. Spring Shell's own parser takes one string, so that quoting is lost,
 * and wants a value for the flag of a sub-command. Two options go with every command: {@code --set key=value} and
 * {@code --help}. Options that are absent are filled in here, so that the adapter never has to.
 */
final class CommandLineParser {

    private static final String SEE_HELP = "Run `stiefelctl help` for all commands.";

    private final ShellCommands commands;

    CommandLineParser(ShellCommands commands) {
        this.commands = commands;
    }

    CommandLine parse(List<String> words) {
        Map<String, String> settings = new LinkedHashMap<>();
        List<String> rest = withoutCommonOptions(words, settings);
        boolean help = rest.size() < words.size() && isHelp(words);
        if (rest.isEmpty()) {
            if (help) {
                return new CommandLine(
                        find("help", "help"),
                        ParsedInput.builder().commandName("help").build(),
                        settings);
            }
            throw CommandFailure.usage("no command is named", SEE_HELP);
        }
        int length = nameLength(rest);
        if (length == 0) {
            throw unknown(rest);
        }
        String name = String.join(" ", rest.subList(0, length));
        if (help) {
            ParsedInput.Builder input = ParsedInput.builder().commandName("help");
            input.addArgument(new CommandArgument(0, name));
            return new CommandLine(find("help", name), input.build(), settings);
        }
        ShellCommand command = find(name, name);
        return new CommandLine(command, input(command, rest.subList(length, rest.size())), settings);
    }

    private ShellCommand find(String name, String typed) {
        return commands.find(name).orElseThrow(() -> unknown(List.of(typed)));
    }

    private static boolean isHelp(List<String> words) {
        int end = words.indexOf("--");
        List<String> before = end < 0 ? words : words.subList(0, end);
        return before.contains("--help") || before.contains("-h");
    }

    private static List<String> withoutCommonOptions(List<String> words, Map<String, String> settings) {
        List<String> rest = new ArrayList<>();
        Deque<String> queue = new ArrayDeque<>(words);
        while (!queue.isEmpty()) {
            String word = queue.removeFirst();
            if (word.equals("--")) {
                rest.add(word);
                rest.addAll(queue);
                break;
            } else if (word.equals("--set")) {
                addSetting(settings, Optional.ofNullable(queue.pollFirst()).orElse(""));
            } else if (word.startsWith("--set=")) {
                addSetting(settings, word.substring("--set=".length()));
            } else if (!word.equals("--help") && !word.equals("-h")) {
                rest.add(word);
            }
        }
        return rest;
    }

    private static void addSetting(Map<String, String> settings, String setting) {
        int equals = setting.indexOf('=');
        if (equals <= 0) {
            throw CommandFailure.usage(
                    "--set wants key=value, not `" + setting + "`",
                    "For example: --set stiefel.export.port=10810; `stiefelctl config show` lists the keys.");
        }
        String key = setting.substring(0, equals);
        if (!key.matches("stiefel(\\.[a-z][a-z0-9-]*(\\[\\d+])?)+")) {
            throw CommandFailure.usage(
                    "`" + key + "` is not a setting's name",
                    "Names are small letters and begin with stiefel. ; `stiefelctl config show` lists them.");
        }
        settings.put(key, setting.substring(equals + 1));
    }

    /** How many of the first words are the command's name; 0 when there is no such command. */
    private int nameLength(List<String> words) {
        int found = 0;
        for (int length = 1; length <= words.size(); length++) {
            if (commands.find(String.join(" ", words.subList(0, length))).isPresent()) {
                found = length;
            }
        }
        return found;
    }

    private CommandFailure unknown(List<String> words) {
        String first = words.getFirst();
        List<ShellCommand> group = commands.group(first);
        if (!group.isEmpty()) {
            List<String> names = group.stream().map(ShellCommand::name).toList();
            String what = words.size() == 1 || words.get(1).startsWith("-")
                    ? "`" + first + "` is a group of commands"
                    : "`" + first + " " + words.get(1) + "` is not a command";
            return CommandFailure.usage(what, "There is: " + String.join(", ", names) + ".");
        }
        if (first.startsWith("-")) {
            return CommandFailure.usage("`" + first + "` is not an option", SEE_HELP);
        }
        return CommandFailure.usage(
                "`" + first + "` is not a command",
                commands.nearest(first)
                        .map(name -> "Did you mean `" + name + "`? `stiefelctl help` lists all commands.")
                        .orElse(SEE_HELP));
    }

    private static ParsedInput input(ShellCommand command, List<String> words) {
        Map<String, String> values = new HashMap<>();
        List<String> arguments = new ArrayList<>();
        Deque<String> queue = new ArrayDeque<>(words);
        while (!queue.isEmpty()) {
            String word = queue.removeFirst();
            if (word.equals("--")) {
                arguments.addAll(queue);
                break;
            }
            if (!word.startsWith("-") || word.equals("-")) {
                arguments.add(word);
                continue;
            }
            int equals = word.indexOf('=');
            CommandOption option = option(command, equals < 0 ? word : word.substring(0, equals));
            String value;
            if (equals >= 0) {
                value = word.substring(equals + 1);
            } else if (isFlag(option)) {
                value = "true";
            } else {
                value = queue.pollFirst();
                if (value == null || value.startsWith("--")) {
                    throw CommandFailure.usage(word + " wants a value", seeHelp(command));
                }
            }
            checkType(command, word, option, value);
            if (values.put(String.valueOf(option.longName()), value) != null) {
                throw CommandFailure.usage("--" + option.longName() + " is given twice", seeHelp(command));
            }
        }
        checkArguments(command, arguments);
        return build(command, values, arguments);
    }

    private static CommandOption option(ShellCommand command, String word) {
        return command.command().getOptions().stream()
                .filter(option -> option.isOptionEqual(word))
                .findFirst()
                .orElseThrow(() -> {
                    List<String> names = command.command().getOptions().stream()
                            .map(option -> "--" + option.longName())
                            .toList();
                    return CommandFailure.usage(
                            "`" + command.name() + "` has no option " + word,
                            ShellCommands.nearest(word, names)
                                    .map(name -> "Did you mean " + name + "? " + seeHelp(command))
                                    .orElse(seeHelp(command)));
                });
    }

    static boolean isFlag(CommandOption option) {
        return option.type() == boolean.class || option.type() == Boolean.class;
    }

    private static void checkType(ShellCommand command, String word, CommandOption option, String value) {
        boolean fits = true;
        if (isFlag(option)) {
            fits = value.equals("true") || value.equals("false");
        } else if (option.type() == int.class || option.type() == Integer.class) {
            fits = value.matches("-?\\d{1,9}");
        }
        if (!fits) {
            throw CommandFailure.usage(word + " cannot be `" + value + "`", seeHelp(command));
        }
    }

    private static void checkArguments(ShellCommand command, List<String> arguments) {
        int wanted = command.arguments().size();
        if (arguments.size() < wanted) {
            throw CommandFailure.usage(
                    "`" + command.name() + "` wants "
                            + command.arguments().get(arguments.size()).toUpperCase(java.util.Locale.ROOT),
                    seeHelp(command));
        }
        if (arguments.size() > wanted && !command.takesMore()) {
            throw CommandFailure.usage(
                    "`" + command.name() + "` does not know what to do with `" + arguments.get(wanted) + "`",
                    seeHelp(command));
        }
    }

    private static ParsedInput build(ShellCommand command, Map<String, String> values, List<String> arguments) {
        ParsedInput.Builder input = ParsedInput.builder().commandName(command.name());
        for (CommandOption option : command.command().getOptions()) {
            String value = values.get(String.valueOf(option.longName()));
            if (value == null && Boolean.TRUE.equals(option.required())) {
                throw CommandFailure.usage("`" + command.name() + "` wants --" + option.longName(), seeHelp(command));
            }
            if (value == null) {
                value = option.defaultValue();
                if (value == null || value.isEmpty()) {
                    value = isFlag(option) ? "false" : option.type().isPrimitive() ? "0" : null;
                }
            }
            if (value != null) {
                input.addOption(CommandOption.with()
                        .longName(String.valueOf(option.longName()))
                        .value(value)
                        .build());
            }
        }
        for (int i = 0; i < arguments.size(); i++) {
            input.addArgument(new CommandArgument(i, arguments.get(i)));
        }
        return input.build();
    }

    private static String seeHelp(ShellCommand command) {
        return "Run `stiefelctl help " + command.name() + "`.";
    }

    /** What was typed, understood. */
    record CommandLine(ShellCommand command, ParsedInput input, Map<String, String> settings) {}
}
