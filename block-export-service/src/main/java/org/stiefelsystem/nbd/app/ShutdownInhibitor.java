package org.stiefelsystem.nbd.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes poweroff, reboot and suspend of this machine ask first while a guest's root is on it (DESIGN, safety rule 3), by
 * systemd-inhibit(1) around a program that ends when its standard input does: with us, however we end.
 */
class ShutdownInhibitor implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(ShutdownInhibitor.class);

    private final Path systemdRuns;
    private final List<String> command;

    /** A start of a program is not for the thread that lets a guest in. */
    private final ExecutorService executor = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().name("nbd-inhibitor").daemon().factory());

    private @Nullable Process child;
    private boolean saidThatThereIsNone;

    /**
     * Not holding yet.
     *
     * @param systemdRuns a directory that is there where systemd is the init process
     * @param program systemd-inhibit
     */
    ShutdownInhibitor(Path systemdRuns, String program) {
        this.systemdRuns = systemdRuns;
        this.command = List.of(
                program,
                "--what=shutdown:sleep",
                "--who=stiefel",
                "--why=another machine runs from this one's disk (stiefelctl server stop)",
                "--mode=block",
                "cat");
    }

    /** Returns at once. */
    void hold(boolean wanted) {
        try {
            executor.execute(wanted ? this::start : this::end);
        } catch (RejectedExecutionException e) {
            // The service ends.
        }
    }

    private synchronized void start() {
        if (!Files.isDirectory(systemdRuns)) {
            sayOnce("systemd does not run here");
            return;
        }
        try {
            Process started = new ProcessBuilder(command)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            child = started;
            Thread.ofVirtual().start(() -> ended(started.onExit().join()));
        } catch (IOException e) {
            sayOnce(String.valueOf(e.getMessage()));
        }
    }

    private void sayOnce(String why) {
        if (!saidThatThereIsNone) {
            saidThatThereIsNone = true;
            log.info("Nothing keeps this machine from being switched off while a guest runs from it: {}", why);
        }
    }

    private synchronized void ended(Process process) {
        if (process.equals(child)) {
            child = null;
            sayOnce("%s ended with %d".formatted(command.getFirst(), process.exitValue()));
        }
    }

    private synchronized void end() {
        Process ending = child;
        child = null;
        if (ending != null) {
            // Its program's input is at its end then, and it ends by itself; being asked to makes it quicker.
            try {
                ending.getOutputStream().close();
            } catch (IOException e) {
                log.debug("The inhibitor's input is closed already: {}", e.getMessage());
            }
            ending.destroy();
        }
    }

    @Override
    public void close() {
        executor.shutdownNow();
        end();
    }
}
