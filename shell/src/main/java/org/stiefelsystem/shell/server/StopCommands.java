package org.stiefelsystem.shell.server;

import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.springframework.shell.core.command.CommandContext;
import org.springframework.shell.core.command.annotation.Command;
import org.springframework.shell.core.command.annotation.Option;
import org.springframework.stereotype.Component;
import org.stiefelsystem.shell.Bytes;
import org.stiefelsystem.shell.CommandFailure;
import org.stiefelsystem.shell.Question;
import org.stiefelsystem.shell.ServerNote;
import org.stiefelsystem.shell.Settings;
import org.stiefelsystem.shell.service.ExportClient;
import org.stiefelsystem.shell.service.ServiceClients;

/** "Give me my laptop back." */
@Component
class StopCommands {

    private static final String SERVICE = "block export";
    private static final Duration BETWEEN_LOOKS = Duration.ofMillis(500);
    private static final Duration BETWEEN_WORDS = Duration.ofSeconds(10);
    private static final Duration END = Duration.ofSeconds(60);

    private final ServiceClients clients;
    private final Settings settings;

    StopCommands(ServiceClients clients, Settings settings) {
        this.clients = clients;
        this.settings = settings;
    }

    @Command(
            name = "server stop",
            description = "ask the guest to shut down, then end the services",
            help = """
                    Waits for as long as the guest needs; Ctrl-C stops waiting and leaves everything as it is.
                    --now does not wait: the guest loses its disk, and is not let back.""",
            group = "Host")
    void stop(
            CommandContext context,
            @Option(longName = "now", description = "end the services without the guest's consent") boolean now,
            @Option(longName = "yes", shortName = 'y', description = "do not ask, with --now") boolean yes)
            throws InterruptedException {
        ServerNote server = ServerNote.read(settings.runDir())
                .orElseThrow(() -> CommandFailure.unreachable(
                        "no `stiefelctl server` runs on this machine",
                        "Is stiefel.run-dir the one that it runs with (" + settings.runDir() + ")?"));
        PrintWriter output = context.outputWriter();
        boolean stopped = false;
        try {
            // A guest that came from now on would be cut off unasked.
            admitNobody();
            if (now) {
                takeBack(context, yes);
            } else {
                awaitReturns(output);
            }
            end(server);
            stopped = true;
        } finally {
            if (!stopped) {
                admitAgain();
            }
        }
        output.println("The services have ended; " + server.disk() + " is free.");
    }

    /** For half a minute: said at each look. */
    private void admitNobody() {
        admit(false);
    }

    private void admit(boolean open) {
        ServiceClients.ask(SERVICE, () -> {
            clients.exports().admit(new ExportClient.Admission(open));
            return open;
        });
    }

    private void admitAgain() {
        try {
            admit(true);
        } catch (CommandFailure e) {
            // The services have ended, or do it in half a minute by themselves.
        }
    }

    /** The exports that guests may write to; a tool that has one just loses its connection. */
    private List<ExportClient.Export> guests() {
        return ServiceClients.ask(SERVICE, () -> clients.exports().exports()).stream()
                .filter(export -> export.bootId() != null && export.served() && !export.readOnly())
                .toList();
    }

    private void takeBack(CommandContext context, boolean yes) throws InterruptedException {
        List<ExportClient.Export> taken = guests();
        for (ExportClient.Export export : taken) {
            context.outputWriter().println(loss(export));
        }
        context.outputWriter().flush();
        if (!taken.isEmpty() && !yes && !Question.isAnsweredYes(context, "Take the disk back now?", false)) {
            throw CommandFailure.failed(
                    "nothing was stopped", "Without --now the guest is asked to shut down; --yes answers for nobody.");
        }
        // The answer may have taken longer than half a minute.
        admitNobody();
        for (ExportClient.Export export : taken) {
            ServiceClients.<Optional<ExportClient.BrokenLease>>ask(
                    SERVICE,
                    () -> Optional.of(clients.exports().breakLease(export.name(), export.holderId())),
                    // It has let go meanwhile, which is what was wanted.
                    changed -> Optional.empty());
        }
        guests().stream().findFirst().ifPresent(export -> {
            throw CommandFailure.failed(
                    export.holderWords() + " has " + export.name() + " now, and has not been asked about",
                    "The services go on; run it again.");
        });
    }

    private static String loss(ExportClient.Export export) {
        List<String> lines = new ArrayList<>();
        lines.add(export.holderWords() + " runs from " + export.name() + " for " + export.age()
                + (export.state().equals("waiting") ? ", and is not connected now." : "."));
        lines.add("  lost:  what runs there, and what it holds in its memory and has not written yet;");
        lines.add("         it is cut off for good, and has to be switched off.");
        lines.add("  kept:  all that it has written, " + Bytes.words(export.bytesWrittenByHolder())
                + " since this service started ("
                + (export.bytesUnflushed() == 0
                        ? "all flushed"
                        : Bytes.words(export.bytesUnflushed()) + " on this export are flushed now")
                + "); its file system is as after a power cut.");
        return String.join("\n", lines);
    }

    private void awaitReturns(PrintWriter output) throws InterruptedException {
        List<ExportClient.Export> guests = guests();
        while (!guests.isEmpty()) {
            awaitReturn(guests.getFirst(), output);
            guests = guests();
        }
    }

    private void awaitReturn(ExportClient.Export export, PrintWriter output) throws InterruptedException {
        String guest = export.holderWords();
        output.println("Asking " + guest + " to shut down; " + export.name() + " is free when it has.");
        output.flush();
        long started = System.nanoTime();
        long nextWords = started + BETWEEN_WORDS.toNanos();
        boolean answered = false;
        while (true) {
            admitNobody();
            Optional<ExportClient.Export> still = guests().stream()
                    .filter(now -> now.name().equals(export.name()) && Objects.equals(export.bootId(), now.bootId()))
                    .findFirst();
            long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - started);
            if (still.isEmpty()) {
                output.println(guest + " has let go of " + export.name() + " after " + seconds + " s.");
                return;
            }
            if (!answered) {
                answered = ServiceClients.ask(
                        SERVICE,
                        () -> clients.exports()
                                .askToShutDown(export.name(), export.holderId())
                                .answered(),
                        // It has let go since we looked.
                        changed -> false);
                if (answered) {
                    output.println("It shuts down.");
                    output.flush();
                }
            }
            if (System.nanoTime() > nextWords) {
                nextWords += BETWEEN_WORDS.toNanos();
                output.println(waiting(guest, still.get(), answered, seconds));
                output.flush();
            }
            Thread.sleep(BETWEEN_LOOKS);
        }
    }

    private static String waiting(String guest, ExportClient.Export export, boolean answered, long seconds) {
        if (export.state().equals("waiting")) {
            return "Waiting for " + guest + " since " + seconds + " s: it is not connected. If it is switched off,"
                    + " --now takes the disk back.";
        }
        return "Waiting for " + guest + " since " + seconds + " s"
                + (answered ? ": it shuts down." : ": it does not answer. --now takes the disk back.");
    }

    private static void end(ServerNote server) throws InterruptedException {
        ProcessHandle process = ProcessHandle.of(server.pid()).orElse(null);
        if (process == null || !process.destroy()) {
            return;
        }
        try {
            process.onExit().get(END.toSeconds(), TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw CommandFailure.failed(
                    "process " + server.pid() + " was asked to end and still runs",
                    "Its disk may not answer: look at its output and at dmesg.");
        } catch (java.util.concurrent.ExecutionException e) {
            throw new IllegalStateException(e);
        }
    }
}
