package org.stiefelsystem.shell;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.ParsedLine;
import org.jline.reader.Parser;
import org.jline.reader.SyntaxError;
import org.jline.reader.UserInterruptException;
import org.jline.reader.impl.DefaultParser;
import org.jline.terminal.Terminal;
import org.jline.terminal.Terminal.Signal;
import org.jline.terminal.TerminalBuilder;

/** The prompt {@code stiefel>}: history, TAB completion, and a Ctrl-C that stops the command and not the shell. */
final class Prompt {

    private static final String PROMPT = "stiefel> ";

    private final ShellCommands commands;
    private final Checkout checkout;
    private final Interruption interruption;
    private final ShellRunner runner;

    Prompt(ShellCommands commands, Checkout checkout, Interruption interruption, ShellRunner runner) {
        this.commands = commands;
        this.checkout = checkout;
        this.interruption = interruption;
        this.runner = runner;
    }

    /** Runs until the person leaves, or only {@code first} when that fails. */
    int run(List<String> first) {
        try (Terminal terminal = TerminalBuilder.builder()
                .system(true)
                .dumb(true)
                .nativeSignals(true)
                .build()) {
            terminal.handle(Signal.INT, signal -> interruption.raise("INT"));
            return run(terminal, first);
        } catch (IOException e) {
            throw CommandFailure.failed("the terminal cannot be used: " + e.getMessage(), "Run one command at a time.");
        }
    }

    private int run(Terminal terminal, List<String> first) {
        DefaultParser parser = new DefaultParser();
        parser.setEofOnUnclosedQuote(true);
        LineReader reader = LineReaderBuilder.builder()
                .terminal(terminal)
                .appName("stiefelctl")
                .parser(parser)
                .completer(new CommandCompleter(commands))
                .variable(LineReader.HISTORY_FILE, historyFile())
                .option(LineReader.Option.INSERT_TAB, false)
                .option(LineReader.Option.HISTORY_IGNORE_SPACE, true)
                .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
                .build();
        PrintStream errors = new PrintStream(terminal.output(), true, StandardCharsets.UTF_8);
        int code = 0;
        if (!first.isEmpty()) {
            code = runner.run(
                    first,
                    terminal.writer(),
                    new TerminalInput(reader),
                    new PrintStream(new FileOutputStream(FileDescriptor.err), true, StandardCharsets.UTF_8));
            terminal.flush();
            if (code != 0) {
                return code;
            }
        }
        while (true) {
            List<String> words;
            try {
                words = words(parser, reader.readLine(PROMPT));
            } catch (UserInterruptException e) {
                continue;
            } catch (EndOfFileException e) {
                return code;
            } catch (SyntaxError e) {
                errors.println("error: " + e.getMessage());
                continue;
            }
            if (words.isEmpty()) {
                continue;
            }
            if (words.size() == 1 && List.of("exit", "quit").contains(words.getFirst())) {
                return 0;
            }
            code = runner.run(words, terminal.writer(), new TerminalInput(reader), errors);
            if (code == CommandFailure.INTERRUPTED) {
                // The terminal has written ^C where the cursor was.
                terminal.writer().println();
            }
            terminal.flush();
        }
    }

    private static List<String> words(Parser parser, String line) {
        ParsedLine parsed = parser.parse(line, line.length(), Parser.ParseContext.ACCEPT_LINE);
        return parsed.words().stream().filter(word -> !word.isEmpty()).toList();
    }

    private Path historyFile() {
        Path directory = checkout.var();
        try {
            Files.createDirectories(directory);
        } catch (IOException e) {
            // A checkout that belongs to somebody else.
            directory = Path.of(System.getProperty("user.home"), ".local", "state", "stiefel");
        }
        if (!Files.isWritable(directory)) {
            directory = Path.of(System.getProperty("user.home"), ".local", "state", "stiefel");
        }
        return directory.resolve("history");
    }

    private record TerminalInput(LineReader reader) implements PromptInput {

        @Override
        public Terminal terminal() {
            return reader.getTerminal();
        }

        @Override
        public String readInput() throws Exception {
            return readInput("");
        }

        @Override
        public String readInput(String question) throws Exception {
            try {
                // An answer is not a command; it does not belong into the history.
                reader.setVariable(LineReader.DISABLE_HISTORY, true);
                return reader.readLine(question);
            } catch (UserInterruptException e) {
                throw new InterruptedException();
            } catch (EndOfFileException e) {
                return "";
            } finally {
                reader.setVariable(LineReader.DISABLE_HISTORY, false);
            }
        }
    }
}
