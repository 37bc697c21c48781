package org.stiefelsystem.discovery.app;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;
import org.stiefelsystem.discovery.PlainOffer;

/** Watches the links while the service runs. */
class DiscoveryLifecycle implements SmartLifecycle {

    private static final Logger log = LoggerFactory.getLogger(DiscoveryLifecycle.class);

    private final PlainOffer offer;
    private final LinkWatch watch;
    private volatile boolean running;

    DiscoveryLifecycle(PlainOffer offer, LinkWatch watch) {
        this.offer = offer;
        this.watch = watch;
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
        watch.start();
        running = true;
    }

    @Override
    public void stop() {
        watch.close();
        running = false;
    }

    @Override
    public boolean isRunning() {
        return running;
    }
}
