package org.stiefelsystem.discovery;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.net.InetAddress;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One datagram in, at most one out: decode, ask the responder, encode; everything counted. */
public final class DiscoveryConversation {

    private static final Logger log = LoggerFactory.getLogger(DiscoveryConversation.class);
    private static final long BETWEEN_LOG_LINES = Duration.ofSeconds(10).toNanos();

    /** What became of a datagram. */
    public enum Outcome {
        ANSWERED,
        /** Understood, and not for us or not on a link that we answer on. */
        SILENT,
        MALFORMED,
        /** Its sender asks too often. */
        LIMITED,
        /** We were busy. */
        DROPPED,
        /** The answer could not be sent. */
        FAILED;

        private String tag() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private final DiscoveryResponder responder;
    private final NetworkLinks links;
    private final MeterRegistry meters;
    private final LongSupplier nanoTime;
    private final Timer replyTime;
    private final AtomicLong unlogged = new AtomicLong();
    private final AtomicLong nextLogLine;

    public DiscoveryConversation(
            DiscoveryResponder responder, NetworkLinks links, MeterRegistry meters, LongSupplier nanoTime) {
        this.responder = responder;
        this.links = links;
        this.meters = meters;
        this.nanoTime = nanoTime;
        this.replyTime = Timer.builder("stiefel.discovery.reply")
                .description("From the arrival of a FIND until its HELLO is handed to the socket")
                .register(meters);
        this.nextLogLine = new AtomicLong(nanoTime.getAsLong());
        count("find", Outcome.ANSWERED, 0);
        count("find", Outcome.SILENT, 0);
        count("other", Outcome.MALFORMED, 0);
    }

    /**
     * The answer's bytes, or nothing.
     *
     * @param arrived the time on our clock when the datagram was received
     */
    public Optional<byte[]> answer(byte[] datagram, InetAddress sender, long arrived) {
        DiscoveryMessage message;
        try {
            message = DiscoveryMessage.decode(datagram);
        } catch (MalformedMessage e) {
            count("other", Outcome.MALFORMED, 1);
            complain("Ignored a datagram of " + datagram.length + " bytes from " + sender.getHostAddress() + ": "
                    + e.getMessage());
            return Optional.empty();
        }
        Peer peer = new Peer(sender, links.linkOf(sender).map(NetworkLink::name).orElse(null));
        Optional<byte[]> answer = responder.respond(message, peer).map(DiscoveryMessage::encode);
        String type = switch (message) {
            case Find find -> "find";
            case Hello hello -> "hello";
        };
        count(type, answer.isPresent() ? Outcome.ANSWERED : Outcome.SILENT, 1);
        if (answer.isPresent()) {
            replyTime.record(Duration.ofNanos(nanoTime.getAsLong() - arrived));
        }
        log.debug("{} from {} on {}: {}", type, sender, peer.link(), answer.isPresent() ? "answered" : "silent");
        return answer;
    }

    /** Counts a datagram that was not looked at, or whose answer was lost. */
    public void notAnswered(Outcome outcome) {
        count("other", outcome, 1);
    }

    /** Says it, but not more often than every ten seconds, whoever provokes it. */
    public void complain(String words) {
        long now = nanoTime.getAsLong();
        long next = nextLogLine.get();
        if (now - next >= 0 && nextLogLine.compareAndSet(next, now + BETWEEN_LOG_LINES)) {
            long left = unlogged.getAndSet(0);
            log.info("{}{}", words, left == 0 ? "" : " (and " + left + " more since the last such line)");
        } else {
            unlogged.incrementAndGet();
        }
    }

    private void count(String type, Outcome outcome, int datagrams) {
        meters.counter("stiefel.discovery.messages", "type", type, "outcome", outcome.tag())
                .increment(datagrams);
    }
}
