package org.stiefelsystem.nbd.server;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.stiefelsystem.nbd.protocol.ExportQuery;

/**
 * What a peer may ask of the server at most (DESIGN, safety rule 6); {@link #defaults()} is the one place of the
 * defaults.
 *
 * @param handshakeDeadline from accept to the end of option haggling
 * @param optionsPerHandshake then the connection is closed
 * @param optionBytes of one option's data; longer data is skipped and answered with NBD_REP_ERR_TOO_BIG
 * @param skippedOptionBytes then the connection is closed
 * @param requestBytes of the payload of one READ or WRITE; announced as the maximum block size
 * @param slowZeroBytes of a WRITE_ZEROES that cannot be done quickly
 * @param extentsPerReply of a BLOCK_STATUS; it ends after them
 * @param connections in all
 * @param connectionsPerPeer of one address
 * @param receiveBytes buffer of one connection for what it receives
 * @param replyBytes buffer of one connection for replies
 * @param bufferBytes of the full-sized buffers of all connections together; those that come later get small ones
 * @param replyBytesInMemory of large replies that are read into memory, of all connections together
 * @param replyMemoryWait how long a large reply waits for its memory; then the connection is closed
 * @param sendStall how long a peer may take nothing of what is sent to it
 * @param sendBytesPerSecond how fast it must take a reply, after a send stall's time
 * @param keepaliveIdle silence before the first keepalive probe
 * @param keepaliveInterval between probes
 * @param keepaliveProbes unanswered ones that end the connection
 * @param stopGrace for running requests when the server stops
 * @param stopLimit then a stop waits no more, even for a disk that does not answer
 */
public record NbdLimits(
        Duration handshakeDeadline,
        int optionsPerHandshake,
        int optionBytes,
        int skippedOptionBytes,
        int requestBytes,
        long slowZeroBytes,
        int extentsPerReply,
        int connections,
        int connectionsPerPeer,
        int receiveBytes,
        int replyBytes,
        long bufferBytes,
        int replyBytesInMemory,
        Duration replyMemoryWait,
        Duration sendStall,
        int sendBytesPerSecond,
        Duration keepaliveIdle,
        Duration keepaliveInterval,
        int keepaliveProbes,
        Duration stopGrace,
        Duration stopLimit) {

    public static NbdLimits defaults() {
        return new NbdLimits(
                Duration.ofSeconds(10),
                64,
                8 << 10,
                1 << 20,
                32 << 20,
                4L << 30,
                16 << 10,
                1200,
                1100,
                256 << 10,
                256 << 10,
                64L << 20,
                64 << 20,
                Duration.ofSeconds(5),
                Duration.ofSeconds(60),
                256 << 10,
                Duration.ofSeconds(10),
                Duration.ofSeconds(5),
                6,
                Duration.ofSeconds(5),
                Duration.ofSeconds(20));
    }

    public NbdLimits {
        check("handshake-deadline", handshakeDeadline, 100, 600_000);
        check("options-per-handshake", optionsPerHandshake, 4, 65_536);
        check("option-bytes", optionBytes, ExportQuery.MAX_NAME_BYTES + 64, 1 << 20);
        check("skipped-option-bytes", skippedOptionBytes, optionBytes, 64 << 20);
        check("request-bytes", requestBytes, 1 << 20, 64 << 20);
        check("slow-zero-bytes", slowZeroBytes, 1 << 20, 1L << 40);
        check("extents-per-reply", extentsPerReply, 1, 1 << 15);
        check("connections", connections, 1, 65_536);
        check("connections-per-peer", connectionsPerPeer, 1, 65_536);
        check("receive-bytes", receiveBytes, BufferPool.SMALL_BYTES, 16 << 20);
        check("reply-bytes", replyBytes, BufferPool.SMALL_BYTES, 16 << 20);
        check("buffer-bytes", bufferBytes, 0, 1L << 40);
        check("reply-bytes-in-memory", replyBytesInMemory, requestBytes, Integer.MAX_VALUE);
        check("reply-memory-wait", replyMemoryWait, 0, 60_000);
        check("send-stall", sendStall, 1_000, 3_600_000);
        check("send-bytes-per-second", sendBytesPerSecond, 1 << 10, 1 << 30);
        check("keepalive-idle", keepaliveIdle, 1_000, 3_600_000);
        check("keepalive-interval", keepaliveInterval, 1_000, 600_000);
        check("keepalive-probes", keepaliveProbes, 1, 100);
        check("stop-grace", stopGrace, 0, 600_000);
        check("stop-limit", stopLimit, stopGrace.toMillis(), 600_000);
    }

    private static void check(String name, long value, long least, long most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException("%s is %d, and may be %d to %d".formatted(name, value, least, most));
        }
    }

    private static void check(String name, Duration value, long leastMillis, long mostMillis) {
        if (value.compareTo(Duration.ofMillis(leastMillis)) < 0 || value.compareTo(Duration.ofMillis(mostMillis)) > 0) {
            throw new IllegalArgumentException("%s is %s, and may be %s to %s"
                    .formatted(
                            name,
                            words(value),
                            words(Duration.ofMillis(leastMillis)),
                            words(Duration.ofMillis(mostMillis))));
        }
    }

    /** As in the configuration. */
    private static String words(Duration duration) {
        return duration.toMillis() % 1000 == 0 ? duration.toSeconds() + "s" : duration.toMillis() + "ms";
    }

    /** Each by its name in the configuration, such as {@code handshake-deadline}; a Duration, an Integer or a Long. */
    public Map<String, Object> byName() {
        Map<String, Object> byName = new LinkedHashMap<>();
        for (RecordComponent component : NbdLimits.class.getRecordComponents()) {
            byName.put(name(component), value(component));
        }
        return byName;
    }

    private static String name(RecordComponent component) {
        return component.getName().replaceAll("[A-Z]", "-$0").toLowerCase(Locale.ROOT);
    }

    private Object value(RecordComponent component) {
        try {
            return component.getAccessor().invoke(this);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * These limits, but for those that are named.
     *
     * @throws IllegalArgumentException with words, when one may not be so
     */
    public NbdLimits with(Map<String, ?> changed) {
        Map<String, Object> all = byName();
        changed.forEach((name, value) -> {
            if (all.replace(name, value) == null) {
                throw new IllegalArgumentException("there is no limit " + name);
            }
        });
        RecordComponent[] components = NbdLimits.class.getRecordComponents();
        Class<?>[] types = Stream.of(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
        try {
            return NbdLimits.class
                    .getDeclaredConstructor(types)
                    .newInstance(all.values().toArray());
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof IllegalArgumentException words) {
                throw words;
            }
            throw new IllegalStateException(e);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    NbdLimits withHandshakeDeadline(Duration deadline) {
        return with(Map.of("handshake-deadline", deadline));
    }

    NbdLimits withConnections(int inAll, int perPeer) {
        return with(Map.of("connections", inAll, "connections-per-peer", perPeer));
    }

    NbdLimits withEffort(long slowZeroes, int extents) {
        return with(Map.of("slow-zero-bytes", slowZeroes, "extents-per-reply", extents));
    }

    NbdLimits withReplyMemory(int bytes, Duration wait) {
        return with(Map.of("reply-bytes-in-memory", bytes, "reply-memory-wait", wait));
    }

    NbdLimits withStop(Duration grace, Duration limit) {
        return with(Map.of("stop-grace", grace, "stop-limit", limit));
    }
}
