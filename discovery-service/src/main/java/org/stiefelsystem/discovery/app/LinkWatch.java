package org.stiefelsystem.discovery.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.stiefelsystem.discovery.LinkLocal;
import org.stiefelsystem.discovery.LinkUpkeep;
import org.stiefelsystem.discovery.NetworkLink;
import org.stiefelsystem.discovery.NetworkLinks;

/** Looks at the links when the kernel says that something has changed, and does what {@link LinkUpkeep} says. */
class LinkWatch implements AutoCloseable {

    private static final Logger log = LoggerFactory.getLogger(LinkWatch.class);

    /** `ip monitor` does not say when it has begun to listen; by then it has, and what it missed is seen. */
    private static final Duration SETTLING = Duration.ofSeconds(1);

    private static final Duration AFTER_A_FAILURE = Duration.ofSeconds(5);

    private final NetworkLinks links;
    private final AllNodes allNodes;
    private final LinkMeters meters;
    private final LinkUpkeep upkeep;
    private final LinkListeners listeners;
    private final IpMonitor monitor = new IpMonitor(this::started, this::changed);
    private final Burst burst = new Burst();
    private final ScheduledThreadPoolExecutor executor = new ScheduledThreadPoolExecutor(
            1,
            Thread.ofPlatform().name("discovery-links").daemon().factory(),
            // A last line of the monitor after we have closed.
            new ThreadPoolExecutor.DiscardPolicy());
    private @Nullable ScheduledFuture<?> settled;
    private @Nullable ScheduledFuture<?> next;
    private @Nullable ScheduledFuture<?> again;
    private final Complaint lookFailed = new Complaint();
    private final Complaint notBroughtUp = new Complaint();
    private final Complaint noAddress = new Complaint();

    /** Said once, until it is about something else or is over. */
    private static final class Complaint {
        private String last = "";

        void say(String words) {
            if (!words.equals(last)) {
                log.warn(words);
                last = words;
            }
        }

        void end() {
            last = "";
        }
    }

    LinkWatch(NetworkLinks links, AllNodes allNodes, LinkMeters meters, LinkUpkeep upkeep, LinkListeners listeners) {
        this.links = links;
        this.allNodes = allNodes;
        this.meters = meters;
        this.upkeep = upkeep;
        this.listeners = listeners;
    }

    /** Returns after the first look. */
    void start() {
        monitor.start();
        look();
    }

    private void started() {
        settled = in(SETTLING, settled);
    }

    private void changed() {
        synchronized (burst) {
            next = in(burst.event(System.nanoTime()), next);
        }
    }

    private ScheduledFuture<?> in(Duration pause, @Nullable ScheduledFuture<?> insteadOf) {
        if (insteadOf != null) {
            insteadOf.cancel(false);
        }
        return executor.schedule(this::look, pause.toNanos(), TimeUnit.NANOSECONDS);
    }

    private synchronized void look() {
        synchronized (burst) {
            burst.end();
        }
        try {
            List<NetworkLink> here = links.refresh();
            allNodes.follow(here);
            meters.show(here);
            List<LinkUpkeep.Step> steps = upkeep.steps(here, listeners.wanted());
            if (steps.stream().noneMatch(LinkUpkeep.Step.LookAgain.class::isInstance)) {
                notBroughtUp.end();
                noAddress.end();
            }
            steps.forEach(this::perform);
            lookFailed.end();
        } catch (RuntimeException e) {
            // A look that fails must not be the last one.
            lookFailed.say("Could not look at the links: " + e.getMessage());
            again = in(AFTER_A_FAILURE, again);
        }
    }

    private void perform(LinkUpkeep.Step step) {
        switch (step) {
            // The end of a trouble on the same level as the trouble: who read of one is to read of the other.
            case LinkUpkeep.Step.Tell tell -> log.warn(tell.words());
            case LinkUpkeep.Step.BringUp up -> bringUp(up.link());
            case LinkUpkeep.Step.AddAddress add -> addAddress(add.address());
            case LinkUpkeep.Step.LookAgain later -> again = in(later.pause(), again);
            case LinkUpkeep.Step.Listen listen -> listeners.moveTo(listen.at());
        }
    }

    private void bringUp(String link) {
        try {
            // The guest that waits for its root must not wait for duplicate address detection, a second or two: the
            // address comes from the card's own number, and the guest's side does the same.
            Files.writeString(Path.of("/proc/sys/net/ipv6/conf", link, "accept_dad"), "0\n");
        } catch (IOException e) {
            // Then it waits that long.
            log.debug("Duplicate address detection stays on: {}", e.getMessage());
        }
        try {
            IpCommand.run("link", "set", "dev", link, "up");
            notBroughtUp.end();
            log.warn("{} was down and is brought up, whoever set it down: a guest's root may hang on it", link);
        } catch (IOException e) {
            notBroughtUp.say(link + " is down and cannot be brought up: " + e.getMessage());
        }
    }

    private void addAddress(LinkLocal address) {
        try {
            // It was this link's before: nobody else's since.
            IpCommand.run("-6", "address", "add", address.ip() + "/64", "dev", address.link(), "nodad");
            noAddress.end();
            log.warn(
                    "{} had lost its address {} and has it again, whoever took it: a guest's root may hang on it",
                    address.link(),
                    address.ip());
        } catch (IOException e) {
            noAddress.say(address.link() + " has lost its address, and it cannot be added: " + e.getMessage());
        }
    }

    @Override
    public void close() {
        monitor.close();
        executor.shutdownNow();
    }
}
