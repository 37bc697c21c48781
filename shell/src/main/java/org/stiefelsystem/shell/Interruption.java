package org.stiefelsystem.shell;

import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.jline.utils.Signals;
import org.jspecify.annotations.Nullable;

/**
 * Ctrl-C and SIGTERM interrupt the thread of the running command, which then ends what it started. A second one waits for
 * nothing.
 */
public final class Interruption {

    private static final Map<String, Integer> CODES = Map.of("INT", 130, "TERM", 143, "HUP", 129);

    private final AtomicReference<@Nullable String> signal = new AtomicReference<>();
    private volatile @Nullable Thread command;

    void listen() {
        CODES.keySet().forEach(name -> Signals.register(name, () -> raise(name)));
    }

    void begin() {
        signal.set(null);
        command = Thread.currentThread();
    }

    /** The code to end with when a signal came since {@link #begin()}; 0 when none did. */
    int end() {
        command = null;
        // Not left to whoever runs next on this thread.
        Thread.interrupted();
        String name = signal.get();
        return name == null ? 0 : CODES.getOrDefault(name, CommandFailure.INTERRUPTED);
    }

    void raise(String name) {
        Thread running = command;
        if (running == null) {
            if (!name.equals("INT")) {
                Runtime.getRuntime().halt(CODES.getOrDefault(name, 1));
            }
            return;
        }
        if (signal.getAndSet(name) == null) {
            running.interrupt();
        } else {
            ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly);
            Runtime.getRuntime().halt(CODES.getOrDefault(name, CommandFailure.INTERRUPTED));
        }
    }
}
