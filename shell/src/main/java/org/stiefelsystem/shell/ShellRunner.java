package org.stiefelsystem.shell;

import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.springframework.core.convert.ConversionException;
import org.springframework.shell.core.InputReader;
import org.springframework.shell.core.command.CommandContext;
import org.springframework.shell.core.command.CommandExecutionException;
import org.springframework.shell.core.command.ExitStatus;
import org.stiefelsystem.shell.CommandLineParser.CommandLine;

/** Runs commands, one or many, and is the only place where a failure becomes words and an exit code. */
final class ShellRunner {

    private final ShellCommands commands;
    private final CommandLineParser parser;
    private final Settings settings;
    private final Interruption interruption;
    private final Checkout checkout;
    private final PrintStream errors = new PrintStream(new FileOutputStream(FileDescriptor.err), true, UTF_8);

    private static final Charset UTF_8 = StandardCharsets.UTF_8;

    /** Before a command, for the launcher's demo: run it at the prompt, and stay there if it did not fail. */
    private static final String THEN_PROMPT = "--then-prompt";

    /** These work whatever the settings are. */
    private static final java.util.Set<String> FREE_OF_SETTINGS = java.util.Set.of("help", "warm-up");

    ShellRunner(ShellCommands commands, Settings settings, Interruption interruption, Checkout checkout) {
        this.commands = commands;
        this.parser = new CommandLineParser(commands);
        this.settings = settings;
        this.interruption = interruption;
        this.checkout = checkout;
    }

    int run(List<String> words) {
        if (words.isEmpty() || words.getFirst().equals(THEN_PROMPT)) {
            return new Prompt(commands, checkout, interruption, this)
                    .run(words.stream().skip(1).toList());
        }
        interruption.listen();
        PrintWriter output = new PrintWriter(new FileOutputStream(FileDescriptor.out), true, UTF_8);
        return run(words, output, new StandardInput(output), errors);
    }

    int run(List<String> words, PrintWriter output, InputReader input, PrintStream errors) {
        interruption.begin();
        int code;
        try {
            CommandLine line = parser.parse(words);
            settings.override(line.settings());
            if (!FREE_OF_SETTINGS.contains(line.command().name())) {
                settings.checkNames();
            }
            execute(line, new CommandContext(line.input(), commands.registry(), output, input));
            code = 0;
        } catch (CommandFailure failure) {
            code = failure.exitCode();
            say(failure, errors);
        } catch (InterruptedException e) {
            code = CommandFailure.INTERRUPTED;
        } catch (ConversionException e) {
            code = CommandFailure.USAGE;
            say(CommandFailure.usage(rootMessage(e), "Run `stiefelctl help " + words.getFirst() + "`."), errors);
        } catch (RuntimeException e) {
            code = CommandFailure.FAILED;
            say(
                    CommandFailure.failed(
                            "`" + words.getFirst() + "` failed: " + rootMessage(e),
                            "This is a fault of the program; STIEFEL_DEBUG=1 shows where it happened."),
                    errors);
            if (System.getenv("STIEFEL_DEBUG") != null) {
                e.printStackTrace(errors);
            }
        } finally {
            output.flush();
            settings.override(java.util.Map.of());
        }
        int signalled = interruption.end();
        return signalled != 0 && code != 0 ? signalled : code;
    }

    private static void execute(CommandLine line, CommandContext context) throws InterruptedException {
        try {
            ExitStatus status = line.command().command().execute(context);
            if (status.code() != ExitStatus.OK.code()) {
                throw CommandFailure.said(status.code() > 0 ? status.code() : CommandFailure.FAILED);
            }
        } catch (Exception e) {
            throw unwrapped(e);
        }
    }

    /** The command's own exception out of the reflection's and the framework's wrappers. */
    private static RuntimeException unwrapped(Exception exception) throws InterruptedException {
        Throwable cause = exception;
        for (Throwable next = exception; next != null; next = next.getCause()) {
            if (next instanceof CommandFailure failure) {
                return failure;
            }
            if (next instanceof InterruptedException interrupted) {
                throw interrupted;
            }
            if (next instanceof ConversionException conversion) {
                return conversion;
            }
            cause = next;
        }
        if (cause instanceof Error error) {
            throw error;
        }
        return exception instanceof RuntimeException runtime ? runtime : new CommandExecutionException("", exception);
    }

    private static String rootMessage(Throwable exception) {
        Throwable cause = exception;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause.getClass().getSimpleName() + ": " + cause.getMessage();
    }

    private static void say(CommandFailure failure, PrintStream errors) {
        if (!failure.what().isEmpty()) {
            errors.println("error: " + failure.what());
        }
        if (!failure.remedy().isEmpty()) {
            errors.println(failure.remedy());
        }
    }

    /** Answers read from the terminal, on a thread of their own: reading a line cannot be interrupted, waiting for it can. */
    private record StandardInput(PrintWriter output) implements InputReader {

        @Override
        public String readInput() throws Exception {
            return readInput("");
        }

        @Override
        public String readInput(String question) throws Exception {
            output.print(question);
            output.flush();
            CompletableFuture<String> answer = new CompletableFuture<>();
            Thread.ofPlatform().daemon().start(() -> {
                try {
                    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, UTF_8));
                    String line = input.readLine();
                    answer.complete(line == null ? "" : line);
                } catch (java.io.IOException e) {
                    answer.completeExceptionally(e);
                }
            });
            try {
                return answer.get();
            } catch (ExecutionException e) {
                return "";
            }
        }
    }
}
