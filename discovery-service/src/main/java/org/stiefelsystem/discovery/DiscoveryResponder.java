package org.stiefelsystem.discovery;

import java.util.Optional;
import java.util.function.Supplier;

/** The policy: whom we tell that this machine is a host. Pure, no socket. */
public final class DiscoveryResponder {

    private final Supplier<PlainOffer> offer;

    /**
     * The policy of one offer.
     *
     * @param offer as it is now: the services move with their link
     */
    public DiscoveryResponder(Supplier<PlainOffer> offer) {
        this.offer = offer;
    }

    public Optional<DiscoveryMessage> respond(DiscoveryMessage message, Peer peer) {
        return switch (message) {
            case Find find ->
                Optional.of(offer.get())
                        .filter(now -> now.reaches(peer))
                        .map(now -> new Hello(find.nonce(), Hello.Transport.PLAIN, now.port()));
            // Another host's answer to another guest.
            case Hello hello -> Optional.empty();
        };
    }
}
