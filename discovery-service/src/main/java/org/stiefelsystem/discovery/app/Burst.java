package org.stiefelsystem.discovery.app;

import java.time.Duration;

/**
 * When to look after events that come in bursts, as they do when an interface comes up: a little after the last of them,
 * but not later than a moment after the first.
 */
final class Burst {

    static final Duration QUIET = Duration.ofMillis(50);
    static final Duration AT_MOST = Duration.ofMillis(500);

    private boolean running;
    private long began;

    /** How long to wait with the look, counted from this event. */
    Duration event(long nanoTime) {
        if (!running) {
            running = true;
            began = nanoTime;
        }
        Duration left = AT_MOST.minusNanos(nanoTime - began);
        return left.compareTo(QUIET) < 0 ? (left.isNegative() ? Duration.ZERO : left) : QUIET;
    }

    /** The look begins: what comes now is another burst. */
    void end() {
        running = false;
    }
}
