package org.stiefelsystem.discovery;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The policy of the served link: what to do about what is there now, so that the guest whose root file system waits finds
 * its host again. Pure: it starts no program and opens no socket.
 */
public final class LinkUpkeep {

    /** Something to do, in the order of the list. */
    public sealed interface Step {

        /** News for the log. */
        record Tell(String words) implements Step {}

        record BringUp(String link) implements Step {}

        /** No event will say that it is time for the next try. */
        record LookAgain(Duration pause) implements Step {}

        /** Move the services of the link to this address. */
        record Listen(LinkLocal at) implements Step {}
    }

    /** Who has set the link down may insist; then we are not the ones who keep the machine busy with it. */
    static final Duration FIRST_PAUSE = Duration.ofSeconds(1);

    static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

    private final String served;
    private final LongSupplier nanoTime;
    private boolean looked;
    private @Nullable NetworkLink before;
    private Duration pause = Duration.ZERO;
    private long lastTry;

    /**
     * Of one link.
     *
     * @param served the link's name; the interface that has it may come and go
     */
    public LinkUpkeep(String served, LongSupplier nanoTime) {
        this.served = served;
        this.nanoTime = nanoTime;
    }

    /**
     * What is to be done now.
     *
     * @param listening the address that the services were told to listen at, or null if they listen somewhere that does not
     *     depend on this link
     */
    public List<Step> steps(List<NetworkLink> links, @Nullable LinkLocal listening) {
        NetworkLink link = links.stream()
                .filter(candidate -> candidate.name().equals(served))
                .findFirst()
                .orElse(null);
        List<Step> steps = new ArrayList<>();
        if (looked) {
            news(before, link).forEach(words -> steps.add(new Step.Tell(words)));
        }
        boolean another = before == null || link == null || before.index() != link.index();
        before = link;
        looked = true;
        if (link == null) {
            return steps;
        }
        if (another || link.state() != NetworkLink.State.DOWN) {
            pause = pause.compareTo(FIRST_PAUSE) > 0 ? FIRST_PAUSE : pause;
        }
        if (link.state() == NetworkLink.State.DOWN) {
            bringUp(steps);
        }
        if (listening != null) {
            moveTo(link, listening).map(Step.Listen::new).ifPresent(steps::add);
        }
        return steps;
    }

    private void bringUp(List<Step> steps) {
        long now = nanoTime.getAsLong();
        if (now - lastTry >= pause.toNanos() || pause.isZero()) {
            steps.add(new Step.BringUp(served));
            lastTry = now;
            pause = pause.isZero() ? FIRST_PAUSE : pause.multipliedBy(2);
            pause = pause.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause;
        }
        steps.add(new Step.LookAgain(pause.minusNanos(now - lastTry)));
    }

    private static Optional<LinkLocal> moveTo(NetworkLink link, LinkLocal listening) {
        boolean stillThere = link.index() == listening.index()
                && link.addresses().stream()
                        // One that is being checked comes back: whoever knows it need not look for another.
                        .anyMatch(address -> address.ip().equals(listening.address()) && !address.duplicate());
        return stillThere
                ? Optional.empty()
                : link.addresses().stream()
                        .filter(address -> address.isLinkLocal() && address.usable())
                        .findFirst()
                        .map(address -> LinkLocal.of(link, address.ip()));
    }

    private List<String> news(@Nullable NetworkLink from, @Nullable NetworkLink to) {
        if (to == null) {
            return from == null
                    ? List.of()
                    : List.of(served + " is gone: a guest that runs from this host waits until it is back");
        }
        if (from == null || from.index() != to.index()) {
            return List.of(served + " is there again");
        }
        List<String> news = new ArrayList<>();
        if (from.state() != to.state()) {
            switch (to.state()) {
                case UP -> news.add(served + " is up again");
                case NO_CARRIER -> news.add(served + " has no carrier: is the cable in at both ends?");
                // Said when it is brought up.
                case DOWN -> {}
            }
        }
        if (hasDuplicate(to) && !hasDuplicate(from)) {
            news.add(served + " has an IPv6 address that another machine on it has, too:"
                    + " two cards with one MAC address? Change one of them");
        }
        return news;
    }

    private static boolean hasDuplicate(NetworkLink link) {
        return link.addresses().stream().anyMatch(NetworkLink.Address::duplicate);
    }
}
