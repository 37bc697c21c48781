package org.stiefelsystem.discovery;

import java.net.Inet6Address;
import java.net.InetAddress;

/**
 * The payload service without WireGuard: where it listens, and on which link alone guests are told so.
 *
 * @param link the interface that {@code --link} names
 * @param bind the address that the payload service listens at now
 * @param port its port
 */
public record PlainOffer(String link, InetAddress bind, int port) {

    /**
     * Whether the peer came in on the link and would find the service at the address that our answer comes from: an
     * answer over IPv4 must not point at a listener on IPv6, and none from a cable at a listener on loopback.
     */
    boolean reaches(Peer peer) {
        return link.equals(peer.link())
                && sameFamily(peer.address())
                && sameScope(peer.address())
                && loopbackOnlyToItself(peer.address());
    }

    private boolean sameFamily(InetAddress peer) {
        boolean listensOnBoth = bind.isAnyLocalAddress() && bind instanceof Inet6Address;
        return listensOnBoth || (bind instanceof Inet6Address) == (peer instanceof Inet6Address);
    }

    /** The link's name may have passed to another interface, to which the listeners have not moved yet. */
    private boolean sameScope(InetAddress peer) {
        return !(bind instanceof Inet6Address mine && mine.isLinkLocalAddress())
                || (peer instanceof Inet6Address theirs && theirs.getScopeId() == mine.getScopeId());
    }

    private boolean loopbackOnlyToItself(InetAddress peer) {
        return !bind.isLoopbackAddress() || peer.isLoopbackAddress();
    }
}
