package org.stiefelsystem.shell;

import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import org.jline.builtins.Completers.FileNameCompleter;
import org.jline.reader.Candidate;
import org.jline.reader.Completer;
import org.jline.reader.LineReader;
import org.jline.reader.ParsedLine;
import org.jline.reader.impl.completer.StringsCompleter;
import org.springframework.shell.core.command.CommandOption;
import org.stiefelsystem.shell.ShellCommands.ShellCommand;

/** TAB: the next word of a command's name, its options that are not there yet, file names elsewhere. */
final class CommandCompleter implements Completer {

    private final ShellCommands commands;
    private final Completer files = new FileNameCompleter();

    CommandCompleter(ShellCommands commands) {
        this.commands = commands;
    }

    @Override
    public void complete(LineReader reader, ParsedLine line, List<Candidate> candidates) {
        List<String> before = line.words().subList(0, line.wordIndex());
        Optional<ShellCommand> command = command(before);
        if (command.isEmpty() || before.getFirst().equals("help")) {
            List<String> names =
                    before.isEmpty() || !before.getFirst().equals("help") ? before : before.subList(1, before.size());
            completeName(names, candidates);
            return;
        }
        if (line.word().startsWith("-")) {
            completeOption(command.get(), before, candidates);
        } else if (valueIsExpected(command.get(), before.getLast())) {
            completeValue(before.getLast(), reader, line, candidates);
        } else {
            if (!command.get().arguments().isEmpty()) {
                files.complete(reader, line, candidates);
            } else {
                completeOption(command.get(), before, candidates);
            }
        }
    }

    private Optional<ShellCommand> command(List<String> words) {
        for (int length = words.size(); length > 0; length--) {
            Optional<ShellCommand> command = commands.find(String.join(" ", words.subList(0, length)));
            if (command.isPresent()) {
                return command;
            }
        }
        return Optional.empty();
    }

    private void completeName(List<String> before, List<Candidate> candidates) {
        String prefix = before.isEmpty() ? "" : String.join(" ", before) + " ";
        TreeSet<String> next = new TreeSet<>();
        for (ShellCommand command : commands.visible()) {
            if (command.name().startsWith(prefix)) {
                String rest = command.name().substring(prefix.length());
                int end = rest.indexOf(' ');
                next.add(end < 0 ? rest : rest.substring(0, end));
            }
        }
        if (before.isEmpty()) {
            next.add("exit");
        }
        next.forEach(word -> candidates.add(new Candidate(
                word,
                word,
                null,
                commands.find(prefix + word)
                        .map(command -> command.command().getDescription())
                        .orElse(null),
                null,
                null,
                true)));
    }

    private static void completeOption(ShellCommand command, List<String> before, List<Candidate> candidates) {
        for (CommandOption option : command.command().getOptions()) {
            String name = "--" + option.longName();
            if (!before.contains(name)) {
                candidates.add(new Candidate(name, name, null, option.description(), null, null, true));
            }
        }
        candidates.add(new Candidate("--help", "--help", null, "what this command does", null, null, true));
        candidates.add(
                new Candidate("--set", "--set", null, "one setting for this command: key=value", null, null, true));
    }

    private static boolean valueIsExpected(ShellCommand command, String word) {
        return word.equals("--set")
                || command.command().getOptions().stream()
                        .anyMatch(option -> option.isOptionEqual(word) && !CommandLineParser.isFlag(option));
    }

    private void completeValue(String option, LineReader reader, ParsedLine line, List<Candidate> candidates) {
        switch (option) {
            case "--set" ->
                KnownSettings.DEFAULTS.keySet().stream()
                        .sorted()
                        .forEach(key -> candidates.add(new Candidate(key + "=", key, null, null, null, null, false)));
            case "--transport" -> new StringsCompleter("plain", "wireguard").complete(reader, line, candidates);
            case "--mode" -> new StringsCompleter("direct").complete(reader, line, candidates);
            case "--link" -> new StringsCompleter(NetworkLinks.names()).complete(reader, line, candidates);
            case "--partition", "--offset", "--size", "--port" -> {
                // A number, which only the person knows.
            }
            default -> files.complete(reader, line, candidates);
        }
    }
}
