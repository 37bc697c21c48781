package org.stiefelsystem.discovery;

import java.util.Optional;

/** The policy: whom we tell that this machine is a host. Pure, no socket. */
public final class DiscoveryResponder {

    private final PlainOffer offer;

    public DiscoveryResponder(PlainOffer offer) {
        this.offer = offer;
    }

    public Optional<DiscoveryMessage> respond(DiscoveryMessage message, Peer peer) {
        return switch (message) {
            case Find find ->
                offer.reaches(peer)
                        ? Optional.of(new Hello(find.nonce(), Hello.Transport.PLAIN, offer.port()))
                        : Optional.empty();
            // Another host's answer to another guest.
            case Hello hello -> Optional.empty();
        };
    }
}
