package org.stiefelsystem.shell.demo;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.jline.terminal.Attributes;
import org.jline.terminal.Terminal;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.shell.core.command.CommandContext;
import org.springframework.shell.core.command.annotation.Argument;
import org.springframework.shell.core.command.annotation.Command;
import org.springframework.shell.core.command.annotation.Option;
import org.springframework.stereotype.Component;
import org.stiefelsystem.shell.Checkout;
import org.stiefelsystem.shell.ChildProcess;
import org.stiefelsystem.shell.CommandFailure;
import org.stiefelsystem.shell.PromptInput;
import org.stiefelsystem.shell.image.ImageBuilder;

/** {@code demo}: a host, a cable and a virtual desktop that boots from the host's disk, on this machine. */
@Component
class DemoCommands implements DisposableBean {

    private static final int CTRL_RIGHT_BRACKET = 0x1d;

    private final Checkout checkout;
    private final ImageBuilder images;
    private @Nullable Demo demo;

    DemoCommands(Checkout checkout, ImageBuilder images) {
        this.checkout = checkout;
        this.images = images;
    }

    @Command(
            name = "demo",
            description = "the whole flow on this machine in a virtual one, from nothing",
            help = """
                    Ends at the prompt with the desktop running: `demo console` is its keyboard (root, password stiefel),
                    `status` shows its boot, `exit` shuts it down. It runs in a network of its own, on a copy of its disk.""",
            group = "Host")
    void demo(
            CommandContext context,
            @Option(longName = "yes", shortName = 'y', description = "install what is missing") boolean yes,
            @Option(longName = "exit", description = "shut the desktop down at once and end with a status")
                    boolean exit)
            throws InterruptedException, IOException {
        if (!Lab.isInside()) {
            runInLab(yes, exit);
            return;
        }
        PrintWriter output = context.outputWriter();
        if (demo != null) {
            throw CommandFailure.failed("a demo is running here already", "`demo console` shows it; `exit` ends it.");
        }
        Demo started = Demo.start(
                new Demo.Parts(
                        checkout.launcher(),
                        directory(checkout),
                        images.stiefelOs(output),
                        images.demoDisk(output),
                        checkout.var().resolve("cache")),
                output);
        double seconds;
        try {
            seconds = started.awaitLogin(output);
        } catch (CommandFailure | InterruptedException e) {
            started.close();
            throw e;
        }
        demo = started;
        output.println();
        output.println(String.format(
                Locale.ROOT,
                "The desktop runs %s's own system from %s's disk: login prompt %.1f s after it was switched on.",
                Demo.HOST,
                Demo.HOST,
                seconds));
        if (exit) {
            demo = null;
            try (started) {
                started.shutDown(output);
            }
            return;
        }
        output.println("Try `status`, `demo console` (root, password stiefel; Ctrl-] comes back), `demo cable out`,");
        output.println("`demo cable in`, `demo kill export`, `demo replug`, `exports`, `exit`.");
    }

    /** The namespace is made by the launcher, around a JVM of its own; this prompt waits for it. */
    private void runInLab(boolean yes, boolean exit) throws InterruptedException {
        List<String> words = new ArrayList<>(List.of(checkout.launcher().toString(), "demo"));
        if (yes) {
            words.add("--yes");
        }
        if (exit) {
            words.add("--exit");
        }
        int code = new ChildProcess(words).run();
        if (code != 0) {
            throw CommandFailure.said(code);
        }
    }

    @Command(
            name = "demo console",
            description = "the keyboard and screen of the demo's desktop; Ctrl-] comes back",
            group = "Host")
    void console(CommandContext context) throws IOException, InterruptedException {
        Demo running = running();
        if (!(context.inputReader() instanceof PromptInput prompt)) {
            throw CommandFailure.usage("the desktop's keyboard is a terminal's", "Use it at the prompt of `demo`.");
        }
        context.outputWriter().println("(Ctrl-] comes back to stiefel>)");
        context.outputWriter().flush();
        Terminal terminal = prompt.terminal();
        Attributes before = terminal.enterRawMode();
        try {
            running.console().listen(bytes -> {
                try {
                    terminal.output().write(bytes);
                    terminal.flush();
                } catch (IOException e) {
                    // Whoever watched has gone; the machine goes on.
                }
            });
            running.console().write(new byte[] {'\n'});
            type(terminal.input(), running);
        } finally {
            running.console().listen(bytes -> {});
            terminal.setAttributes(before);
        }
    }

    private Demo running() {
        Demo running = demo;
        if (running == null || !running.isRunning()) {
            throw Demo.notRunning(running);
        }
        return running;
    }

    @Command(
            name = "demo cable",
            description = "what happens to the demo's cable: out, in, or silent",
            help = """
                    out: pulled out of the desktop. silent: plugged in, but nothing comes through. in: all is well again.
                    `demo console` shows how everything waits and goes on.""",
            group = "Host")
    void cable(CommandContext context, @Argument(index = 0, description = "out, in or silent") String what)
            throws IOException, InterruptedException {
        Demo.Cable cable = Stream.of(Demo.Cable.values())
                .filter(value -> value.name().toLowerCase(Locale.ROOT).equals(what))
                .findFirst()
                .orElseThrow(() -> CommandFailure.usage(
                        "a cable is not `" + what + "`", "Say demo cable out, demo cable in or demo cable silent."));
        running().set(cable);
        say(
                context,
                switch (cable) {
                    case OUT -> "The cable is out. The desktop waits for its disk; `demo cable in` lets it go on.";
                    case SILENT ->
                        "Nothing comes through the cable, and nobody sees it. `demo cable in` lets the desktop go on.";
                    case IN ->
                        "The cable is in, and the desktop goes on: at once, or 10 s after a request that was lost.";
                });
    }

    @Command(
            name = "demo kill",
            description = "kill the laptop's services and start them again: demo kill export",
            group = "Host")
    void kill(CommandContext context, @Argument(index = 0, description = "export") String what)
            throws IOException, InterruptedException {
        if (!what.equals("export")) {
            throw CommandFailure.usage("`" + what + "` cannot be killed here", "Say demo kill export.");
        }
        Demo running = running();
        say(context, "Killing the services with SIGKILL, and starting them again ...");
        running.killServices();
        say(context, "They serve again. `exports` shows how often the desktop came back.");
    }

    @Command(
            name = "demo replug",
            description = "pull the desktop's network card out and plug it into another slot",
            group = "Host")
    void replug(CommandContext context) throws IOException, InterruptedException {
        running().replugCard();
        say(context, "The card is in the other slot. The desktop brings it up and goes on.");
    }

    private static void say(CommandContext context, String words) {
        context.outputWriter().println(words);
        context.outputWriter().flush();
    }

    private static void type(InputStream keyboard, Demo running) throws IOException {
        byte[] keys = new byte[256];
        while (running.isRunning()) {
            int count = keyboard.read(keys, 0, 1);
            if (count < 0 || keys[0] == CTRL_RIGHT_BRACKET) {
                return;
            }
            running.console().write(java.util.Arrays.copyOf(keys, count));
        }
    }

    /** The prompt ends: the desktop is shut down in order, as a person would do it. */
    @Override
    public void destroy() throws Exception {
        Demo running = demo;
        if (running == null) {
            return;
        }
        PrintWriter output = new PrintWriter(System.out, true, java.nio.charset.StandardCharsets.UTF_8);
        try (running) {
            running.shutDown(output);
        } catch (CommandFailure failure) {
            System.err.println("error: " + failure.what());
            System.err.println(failure.remedy());
        }
    }

    /** Where the demo keeps its copy of the disk, its logs and its sockets. */
    private static Path directory(Checkout checkout) {
        return checkout.var().resolve("demo");
    }
}
