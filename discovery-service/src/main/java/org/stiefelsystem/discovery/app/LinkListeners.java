package org.stiefelsystem.discovery.app;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import org.stiefelsystem.discovery.LinkLocal;
import org.stiefelsystem.discovery.PlainOffer;

/**
 * Where the services of the link listen, and their moves after the link. A service that does not follow is asked again,
 * ever more slowly, until it does or the link has moved on.
 */
class LinkListeners implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(LinkListeners.class);
    static final Duration FIRST_PAUSE = Duration.ofMillis(500);
    static final Duration LONGEST_PAUSE = Duration.ofSeconds(15);

    /** One service that listens on the link. */
    interface Listener {

        /** As {@code status} calls it. */
        String service();

        /** Returns when it listens there. */
        void listenAt(LinkLocal address) throws IOException, InterruptedException;
    }

    private final List<Listener> listeners;
    private final Sleeper sleeper;
    private final ExecutorService mover = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().name("discovery-listeners").daemon().factory());
    private @Nullable Future<?> move;
    private volatile PlainOffer offer;
    private volatile @Nullable LinkLocal wanted;
    private volatile List<String> waitingFor = List.of();

    /**
     * Before any move.
     *
     * @param first where the services were started to listen, or null if they are not to be moved
     * @param listeners in the order in which they are told
     */
    LinkListeners(PlainOffer offer, @Nullable LinkLocal first, List<Listener> listeners, Sleeper sleeper) {
        this.offer = offer;
        this.wanted = first;
        this.listeners = listeners;
        this.sleeper = sleeper;
    }

    /** What guests are told. It follows when every service has been told once, so that it is true as soon as it can be. */
    PlainOffer offer() {
        return offer;
    }

    /** Where the services were told to listen last, or null if they are not to be moved. */
    @Nullable
    LinkLocal wanted() {
        return wanted;
    }

    /** The services that have not followed yet. */
    List<String> waitingFor() {
        return waitingFor;
    }

    /** Returns at once. */
    synchronized void moveTo(LinkLocal to) {
        log.warn("The address of {} is {} now: the services move there", to.link(), to.text());
        if (move != null) {
            move.cancel(true);
        }
        wanted = to;
        waitingFor = listeners.stream().map(Listener::service).toList();
        move = mover.submit(() -> tell(to));
    }

    private void tell(LinkLocal to) {
        List<Listener> left = new ArrayList<>(listeners);
        Map<String, String> complaints = new HashMap<>();
        Duration pause = FIRST_PAUSE;
        try {
            while (true) {
                for (Listener listener : List.copyOf(left)) {
                    Optional<String> trouble = tell(listener, to);
                    if (trouble.isEmpty()) {
                        left.remove(listener);
                        // Who read that it does not is to read that it does.
                        log.atLevel(complaints.containsKey(listener.service()) ? Level.WARN : Level.INFO)
                                .log("{} listens at {}", listener.service(), to.text());
                    } else if (!trouble.get().equals(complaints.put(listener.service(), trouble.get()))) {
                        log.warn("{} does not listen at {} yet: {}", listener.service(), to.text(), trouble.get());
                    }
                }
                if (!follow(to, left) || left.isEmpty()) {
                    return;
                }
                sleeper.sleep(pause);
                pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0 ? pause.multipliedBy(2) : LONGEST_PAUSE;
            }
        } catch (InterruptedException e) {
            // The link has moved on, or we end.
        }
    }

    /** Whether that move is still the latest. */
    private synchronized boolean follow(LinkLocal to, List<Listener> left) {
        if (!to.equals(wanted)) {
            return false;
        }
        waitingFor = left.stream().map(Listener::service).toList();
        offer = new PlainOffer(offer.link(), to.address(), offer.port());
        return true;
    }

    private static Optional<String> tell(Listener listener, LinkLocal to) throws InterruptedException {
        try {
            listener.listenAt(to);
            return Optional.empty();
        } catch (IOException | RuntimeException e) {
            // Whatever it is, it is tried again: nobody else would.
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    @Override
    public void close() {
        mover.shutdownNow();
    }
}
