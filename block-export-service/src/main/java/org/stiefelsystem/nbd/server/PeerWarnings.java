package org.stiefelsystem.nbd.server;

import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** Lines of the log that a peer can cause as often as it likes: some at once, then one each second, the others counted. */
final class PeerWarnings {

    private static final int AT_ONCE = 20;
    private static final long REFILL_NANOS = 1_000_000_000;

    private final System.Logger log;
    private final System.Logger.Level level;
    private final LongSupplier nanoTime;
    private long refilled;
    private int left = AT_ONCE;
    private long unsaid;

    PeerWarnings(System.Logger log, System.Logger.Level level, LongSupplier nanoTime) {
        this.log = log;
        this.level = level;
        this.nanoTime = nanoTime;
        this.refilled = nanoTime.getAsLong();
    }

    /** Logs the words, whose {@code {0}} and so on are the arguments. */
    synchronized void warn(String words, @Nullable Object... arguments) {
        long refills = (nanoTime.getAsLong() - refilled) / REFILL_NANOS;
        refilled += refills * REFILL_NANOS;
        left = (int) Math.min(AT_ONCE, left + refills);
        if (left == 0) {
            unsaid++;
            return;
        }
        left--;
        log.log(level, unsaid == 0 ? words : words + " (and " + unsaid + " more that were not logged)", arguments);
        unsaid = 0;
    }
}
