package org.stiefelsystem.discovery.app;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.time.Instant;
import java.util.List;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.stiefelsystem.discovery.AddressText;
import org.stiefelsystem.discovery.NetworkLink;
import org.stiefelsystem.discovery.NetworkLinks;
import org.stiefelsystem.discovery.PlainOffer;

/** The admin API. */
@RestController
class LinksController {

    private final NetworkLinks links;
    private final LinkListeners listeners;

    LinksController(NetworkLinks links, LinkListeners listeners) {
        this.links = links;
        this.listeners = listeners;
    }

    /**
     * A link and how it is used right now.
     *
     * @param speed bytes per second, or null where the driver tells none
     * @param addresses each with the length of its prefix
     * @param listening where the services listen, if this is the served link and they listen on it
     * @param waitingFor the services that have not followed the link to its new address yet
     */
    record LinkUse(
            String name,
            int index,
            @Nullable String mac,
            String state,
            int mtu,
            @Nullable Long speed,
            List<String> addresses,
            @Nullable String kind,
            boolean served,
            @Nullable String listening,
            List<String> waitingFor,
            Instant since) {}

    @GetMapping("/links")
    List<LinkUse> links() {
        return links.seen().stream().map(this::use).toList();
    }

    private LinkUse use(NetworkLinks.Seen seen) {
        NetworkLink link = seen.link();
        PlainOffer offer = listeners.offer();
        boolean served = link.name().equals(offer.link());
        OptionalLong speed = NetworkLinks.speed(link);
        return new LinkUse(
                link.name(),
                link.index(),
                link.mac(),
                link.state().words(),
                link.mtu(),
                speed.isPresent() ? speed.getAsLong() : null,
                link.addresses().stream().map(NetworkLink.Address::text).toList(),
                link.kind(),
                served,
                served ? listening(offer.bind(), link) : null,
                served ? listeners.waitingFor() : List.of(),
                seen.since());
    }

    /** The address as it would be set; null when it is bound to an interface of that name that is there no more. */
    private static @Nullable String listening(InetAddress bind, NetworkLink link) {
        if (!(bind instanceof Inet6Address six && six.getScopeId() != 0)) {
            return AddressText.of(bind);
        }
        return six.getScopeId() == link.index() ? AddressText.of(bind) + "%" + link.name() : null;
    }
}
