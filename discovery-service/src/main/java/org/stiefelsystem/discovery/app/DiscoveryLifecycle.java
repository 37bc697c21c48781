package org.stiefelsystem.discovery.app;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.MultiGauge.Row;
import io.micrometer.core.instrument.Tags;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;
import org.stiefelsystem.discovery.NetworkLink;
import org.stiefelsystem.discovery.NetworkLinks;
import org.stiefelsystem.discovery.PlainOffer;

/** Follows the machine's links while the service runs: the group's membership and the gauges. */
class DiscoveryLifecycle implements SmartLifecycle {

    private static final Logger log = LoggerFactory.getLogger(DiscoveryLifecycle.class);

    private final NetworkLinks links;
    private final AllNodes allNodes;
    private final PlainOffer offer;
    private final Duration poll;
    private final MultiGauge up;
    private final MultiGauge speed;
    private @Nullable ScheduledExecutorService watcher;
    private @Nullable ScheduledFuture<?> watch;

    DiscoveryLifecycle(NetworkLinks links, AllNodes allNodes, PlainOffer offer, MeterRegistry meters, Duration poll) {
        this.links = links;
        this.allNodes = allNodes;
        this.offer = offer;
        this.poll = poll;
        this.up = MultiGauge.builder("stiefel.link.up")
                .description("1 when the link can carry packets")
                .register(meters);
        this.speed = MultiGauge.builder("stiefel.link.speed")
                .baseUnit("bytes")
                .description("Bytes per second that the link was negotiated to, where its driver tells")
                .register(meters);
    }

    @Override
    public void start() {
        log.warn(
                "plain transport on {}: whoever is on that cable can read and write the disk that is served",
                offer.link());
        if (offer.bind().isLoopbackAddress() && !offer.link().equals("lo")) {
            log.warn(
                    "stiefel.bind is {}: guests on {} get no answer, since nobody listens for them there",
                    offer.bind().getHostAddress(),
                    offer.link());
        }
        look();
        watcher = Executors.newSingleThreadScheduledExecutor(
                Thread.ofPlatform().name("discovery-links").daemon().factory());
        watch = watcher.scheduleWithFixedDelay(this::look, poll.toMillis(), poll.toMillis(), TimeUnit.MILLISECONDS);
    }

    private void look() {
        try {
            List<NetworkLink> here = links.refresh();
            allNodes.follow(here);
            List<Row<?>> ups = new ArrayList<>();
            List<Row<?>> speeds = new ArrayList<>();
            for (NetworkLink link : here) {
                Tags tags = Tags.of("interface", link.name());
                ups.add(Row.of(tags, link.up() ? 1 : 0));
                NetworkLinks.speed(link).ifPresent(bytes -> speeds.add(Row.of(tags, bytes)));
            }
            up.register(ups, true);
            speed.register(speeds, true);
        } catch (RuntimeException e) {
            // A look that fails must not be the last one.
            log.warn("Could not look at the links", e);
        }
    }

    @Override
    public void stop() {
        if (watch != null) {
            watch.cancel(false);
        }
        if (watcher != null) {
            watcher.shutdown();
            watcher = null;
        }
    }

    @Override
    public boolean isRunning() {
        return watcher != null;
    }
}
