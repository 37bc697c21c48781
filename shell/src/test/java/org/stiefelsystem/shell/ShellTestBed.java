package org.stiefelsystem.shell;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.shell.core.InputReader;
import org.springframework.shell.core.command.CommandContext;
import org.springframework.shell.core.command.annotation.Argument;
import org.springframework.shell.core.command.annotation.Arguments;
import org.springframework.shell.core.command.annotation.Command;
import org.springframework.shell.core.command.annotation.Option;

/** The runner with a handful of commands that show what they were given. */
final class ShellTestBed implements AutoCloseable {

    final Settings settings = new Settings(java.nio.file.Path.of("/nonexistent"), java.util.Map.of());
    final Interruption interruption = new Interruption();
    final ShellCommands commands;
    private final AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext();
    private final ShellRunner runner;
    private final StringWriter output = new StringWriter();
    private final ByteArrayOutputStream errors = new ByteArrayOutputStream();

    ShellTestBed() {
        context.registerBean(Samples.class, () -> new Samples(settings));
        context.refresh();
        commands = ShellCommands.of(context, List.of(context.getBean(Samples.class)));
        runner = new ShellRunner(
                commands, settings, interruption, new Checkout(java.nio.file.Path.of("/"), java.nio.file.Path.of("/")));
    }

    int run(String... words) {
        return runner.run(
                List.of(words),
                new PrintWriter(output),
                new InputReader() {},
                new PrintStream(errors, true, StandardCharsets.UTF_8));
    }

    String output() {
        return output.toString().strip();
    }

    String errors() {
        return errors.toString(StandardCharsets.UTF_8).strip();
    }

    @Override
    public void close() {
        context.close();
    }

    @SuppressWarnings("DoNotCallSuggester")
    static final class Samples {

        private final Settings settings;

        Samples(Settings settings) {
            this.settings = settings;
        }

        @Command(name = "serve", description = "shows its options")
        void serve(
                CommandContext context,
                @Option(longName = "disk", required = true) String disk,
                @Option(longName = "port") @Nullable Integer port,
                @Option(longName = "json", shortName = 'j') boolean json) {
            context.outputWriter().println(disk + "|" + port + "|" + json + "|" + settings.get("stiefel.export.port"));
        }

        @Command(name = "open", description = "shows its argument")
        void open(CommandContext context, @Argument(index = 0) String path, @Option(longName = "rw") boolean writable) {
            context.outputWriter().println("<" + path + ">" + writable);
        }

        @Command(name = "echo", description = "shows its words")
        void echo(CommandContext context, @Arguments List<String> words) {
            context.outputWriter().println(words);
        }

        @Command(
                name = {"config", "show"},
                description = "a command of a group")
        void show(CommandContext context, @Option(longName = "json") boolean json) {
            context.outputWriter().println("shown " + json);
        }

        @Command(name = "secret", description = "hidden", hidden = true)
        void secret(CommandContext context) {
            context.outputWriter().println("found");
        }

        @Command(name = "unreachable", description = "fails")
        void unreachable() {
            throw CommandFailure.unreachable("nobody answers", "Start it.");
        }

        @Command(name = "ends", description = "passes a child's code on")
        void ends() {
            throw CommandFailure.said(42);
        }

        @Command(name = "faulty", description = "has a fault")
        void faulty() {
            throw new IllegalStateException("oops");
        }

        @Command(name = "waits", description = "waits for ever")
        void waits() throws InterruptedException {
            new ChildProcess("sleep", "9871").run();
        }
    }
}
