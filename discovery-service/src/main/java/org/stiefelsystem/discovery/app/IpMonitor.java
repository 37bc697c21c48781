package org.stiefelsystem.discovery.app;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The kernel's word that something about a link or an address has changed: a child process {@code ip monitor}, started
 * again, ever more slowly, when it ends.
 */
class IpMonitor implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(IpMonitor.class);
    private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
    private static final Duration LONGEST_PAUSE = Duration.ofMinutes(1);

    private final List<String> command;
    private final Runnable started;
    private final Runnable changed;
    private final Sleeper sleeper;
    private @Nullable Process child;
    private @Nullable Thread follower;
    private boolean closed;

    /**
     * Not started yet.
     *
     * @param started what to do when it has started: whatever changed before that, nobody told
     * @param changed what to do for each line that it prints
     */
    IpMonitor(Runnable started, Runnable changed) {
        this(List.of("ip", "-o", "monitor", "link", "address"), started, changed, Thread::sleep);
    }

    IpMonitor(List<String> command, Runnable started, Runnable changed, Sleeper sleeper) {
        this.command = command;
        this.started = started;
        this.changed = changed;
        this.sleeper = sleeper;
    }

    /** Returns when the program has been started. */
    void start() {
        Process first = spawn();
        follower = Thread.ofPlatform().name("discovery-ip-monitor").daemon().start(() -> follow(first));
    }

    private void follow(@Nullable Process first) {
        Process monitor = first;
        Duration pause = FIRST_PAUSE;
        boolean warned = false;
        try {
            while (true) {
                long began = System.nanoTime();
                String lastWords = monitor == null ? "it cannot be run" : read(monitor);
                if (Duration.ofNanos(System.nanoTime() - began).compareTo(LONGEST_PAUSE) > 0) {
                    pause = FIRST_PAUSE;
                    warned = false;
                }
                sleeper.sleep(pause);
                pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0 ? pause.multipliedBy(2) : LONGEST_PAUSE;
                if (isClosed()) {
                    return;
                }
                // Not before the pause: a Ctrl-C at the terminal ends the child and, a little later, us.
                if (!warned) {
                    log.warn(
                            "`{}` has ended ({}); until it runs again, changes of the network are not seen",
                            String.join(" ", command),
                            lastWords);
                    warned = true;
                }
                monitor = spawn();
            }
        } catch (InterruptedException e) {
            // Closed during the pause.
        }
    }

    private synchronized boolean isClosed() {
        return closed;
    }

    private synchronized @Nullable Process spawn() {
        if (closed) {
            return null;
        }
        try {
            // What it complains about is a reason to look again, too: it may have lost events.
            child = new ProcessBuilder(command).redirectErrorStream(true).start();
            started.run();
            return child;
        } catch (IOException e) {
            log.debug("Not started: {}", e.getMessage());
            return null;
        }
    }

    /** Until it ends; the last that it said. */
    private String read(Process monitor) {
        String last = "without a word";
        try (BufferedReader lines = monitor.inputReader(StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                last = line;
                changed.run();
            }
        } catch (IOException e) {
            log.debug("The monitor's output ended: {}", e.getMessage());
        }
        return last;
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            if (child != null) {
                child.destroy();
            }
        }
        if (follower != null) {
            follower.interrupt();
        }
    }
}
