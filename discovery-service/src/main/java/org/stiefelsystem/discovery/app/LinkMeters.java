package org.stiefelsystem.discovery.app;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.MultiGauge.Row;
import io.micrometer.core.instrument.Tags;
import java.util.ArrayList;
import java.util.List;
import org.stiefelsystem.discovery.NetworkLink;
import org.stiefelsystem.discovery.NetworkLinks;

/** The links as gauges. */
class LinkMeters {

    private final String served;
    private final MultiGauge up;
    private final MultiGauge speed;

    LinkMeters(String served, MeterRegistry meters) {
        this.served = served;
        this.up = MultiGauge.builder("stiefel.link.up")
                .description("1 when the link can carry packets")
                .register(meters);
        this.speed = MultiGauge.builder("stiefel.link.speed")
                .baseUnit("bytes")
                .description("Bytes per second that the link was negotiated to, where its driver tells")
                .register(meters);
    }

    void show(List<NetworkLink> here) {
        List<Row<?>> ups = new ArrayList<>();
        List<Row<?>> speeds = new ArrayList<>();
        for (NetworkLink link : here) {
            Tags tags = Tags.of("interface", link.name());
            ups.add(Row.of(tags, link.up() ? 1 : 0));
            NetworkLinks.speed(link).ifPresent(bytes -> speeds.add(Row.of(tags, bytes)));
        }
        if (here.stream().noneMatch(link -> link.name().equals(served))) {
            // An alarm waits for 0; a series that ends is none.
            ups.add(Row.of(Tags.of("interface", served), 0));
        }
        up.register(ups, true);
        speed.register(speeds, true);
    }
}
