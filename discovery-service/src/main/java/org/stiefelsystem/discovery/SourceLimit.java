package org.stiefelsystem.discovery;

import java.net.InetAddress;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;

/**
 * A token bucket per sender, for a bounded number of senders: who floods us is ignored before any work is done, and who
 * forges senders only makes us forget the sender that was silent longest.
 */
public final class SourceLimit {

    /** What a sender may do. */
    public record Rate(int burst, double perSecond, int maxSources) {

        /** An agent asks about once a second on each link; this leaves room for ten of them behind one address. */
        public static final Rate DEFAULT = new Rate(20, 10, 1024);
    }

    private static final double NANOS = Duration.ofSeconds(1).toNanos();

    private final Rate rate;
    private final LongSupplier nanoTime;
    private final Map<InetAddress, Bucket> buckets = new LinkedHashMap<>(16, 0.75f, true);

    public SourceLimit(Rate rate, LongSupplier nanoTime) {
        this.rate = rate;
        this.nanoTime = nanoTime;
    }

    public synchronized boolean admits(InetAddress source) {
        long now = nanoTime.getAsLong();
        Bucket bucket = buckets.get(source);
        if (bucket == null) {
            if (buckets.size() >= rate.maxSources()) {
                buckets.remove(buckets.keySet().iterator().next());
            }
            bucket = new Bucket(rate.burst(), now);
            buckets.put(source, bucket);
        }
        bucket.tokens = Math.min(rate.burst(), bucket.tokens + (now - bucket.filled) / NANOS * rate.perSecond());
        bucket.filled = now;
        if (bucket.tokens < 1) {
            return false;
        }
        bucket.tokens -= 1;
        return true;
    }

    synchronized int sources() {
        return buckets.size();
    }

    private static final class Bucket {
        private double tokens;
        private long filled;

        Bucket(double tokens, long filled) {
            this.tokens = tokens;
            this.filled = filled;
        }
    }
}
