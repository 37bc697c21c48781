package org.stiefelsystem.discovery;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Optional;

/**
 * An IPv6 link-local address of one link: what the services of that link listen at, so that the kernel keeps other links
 * out. An interface that is made anew has another index, and a listener at the old one hears nothing any more, whatever
 * the address; {@link Inet6Address} takes the two for equal.
 *
 * @param address with its scope
 */
public record LinkLocal(String link, int index, Inet6Address address) {

    static LinkLocal of(NetworkLink link, InetAddress address) {
        try {
            return new LinkLocal(
                    link.name(), link.index(), Inet6Address.getByAddress(null, address.getAddress(), link.index()));
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException("No IPv6 address: " + address, e);
        }
    }

    /** The address as one of that link, if it is link-local and has the link's scope. */
    public static Optional<LinkLocal> of(InetAddress address, NetworkLink link) {
        return address instanceof Inet6Address six && six.isLinkLocalAddress() && six.getScopeId() == link.index()
                ? Optional.of(of(link, address))
                : Optional.empty();
    }

    /** {@code fe80::1%eth0} */
    public String text() {
        return ip() + "%" + link;
    }

    /** {@code fe80::1} */
    public String ip() {
        return AddressText.of(address);
    }
}
