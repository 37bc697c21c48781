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

        /** Give the link this address, which it had and has lost. */
        record AddAddress(LinkLocal address) implements Step {}

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
    private final Tries bringUp = new Tries();
    private final Tries addAddress = new Tries();

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
        boolean down = link.state() == NetworkLink.State.DOWN;
        boolean addressLost = listening != null && hasLost(link, listening);
        bringUp.calmUnless(down && !another);
        addAddress.calmUnless(addressLost);
        if (down) {
            steps.addAll(bringUp.next(new Step.BringUp(served)));
        }
        if (listening != null) {
            if (addressLost) {
                steps.addAll(addAddress.next(new Step.AddAddress(listening)));
            }
            moveTo(link, listening).map(Step.Listen::new).ifPresent(steps::add);
        }
        return steps;
    }

    /** Something that may not help: tried at once, then ever more slowly for as long as it does not. */
    private final class Tries {

        private Duration pause = Duration.ZERO;
        private long last;

        /** At each look: what was over in between, or is about another interface, waits for a second at the most. */
        void calmUnless(boolean still) {
            if (!still && pause.compareTo(FIRST_PAUSE) > 0) {
                pause = FIRST_PAUSE;
            }
        }

        List<Step> next(Step step) {
            List<Step> steps = new ArrayList<>();
            long now = nanoTime.getAsLong();
            if (now - last >= pause.toNanos() || pause.isZero()) {
                steps.add(step);
                last = now;
                pause = pause.isZero() ? FIRST_PAUSE : pause.multipliedBy(2);
                pause = pause.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause;
            }
            steps.add(new Step.LookAgain(pause.minusNanos(now - last)));
            return steps;
        }
    }

    /**
     * Whether somebody took the link's address from it. The kernel makes one only when a link comes up, so that one that is
     * up has to be given it; of a card that was plugged in anew the kernel sees to it.
     */
    private static boolean hasLost(NetworkLink link, LinkLocal listening) {
        return link.up()
                && link.index() == listening.index()
                && link.addresses().stream().noneMatch(NetworkLink.Address::isLinkLocal);
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
