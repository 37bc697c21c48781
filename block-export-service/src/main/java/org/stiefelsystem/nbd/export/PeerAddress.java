package org.stiefelsystem.nbd.export;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;

/**
 * A peer's address in its short form, with the link of a link-local one: {@code fe80::1%br0}. {@link Inet6Address}
 * itself is no key, for it takes the same address on two links as equal.
 */
public record PeerAddress(String text) {

    /** A link as the kernel numbers it, and as people name it. */
    public record Link(int index, String name) {

        /** That of a link-local address; another address is of no link, which is number 0. */
        public static Link of(InetAddress address) {
            int index = address instanceof Inet6Address six ? six.getScopeId() : 0;
            return new Link(index, index == 0 ? "" : linkName(index));
        }
    }

    public static PeerAddress of(InetAddress address) {
        return on(Link.of(address), address);
    }

    /**
     * The address of a peer of a listener.
     *
     * @param listener the link of the listener's own address. Its name is known even when the link has just gone: the
     *     next boot of the same machine comes by the same name, and by another number
     */
    public static PeerAddress on(Link listener, InetAddress address) {
        if (!(address instanceof Inet6Address six)) {
            return new PeerAddress(address.getHostAddress());
        }
        Link link = six.getScopeId() == listener.index() ? listener : Link.of(address);
        return new PeerAddress(shorten(six.getAddress()) + (link.index() == 0 ? "" : "%" + link.name()));
    }

    private static String linkName(int index) {
        try {
            NetworkInterface link = NetworkInterface.getByIndex(index);
            return link == null ? Integer.toString(index) : link.getName();
        } catch (SocketException e) {
            return Integer.toString(index);
        }
    }

    /** RFC 5952: the longest run of at least two zero groups becomes {@code ::}. */
    private static String shorten(byte[] bytes) {
        int[] groups = new int[8];
        for (int i = 0; i < 8; i++) {
            groups[i] = ((bytes[2 * i] & 0xff) << 8) | (bytes[2 * i + 1] & 0xff);
        }
        int start = -1;
        int length = 1;
        for (int i = 0; i < 8; i++) {
            int end = i;
            while (end < 8 && groups[end] == 0) {
                end++;
            }
            if (end - i > length) {
                start = i;
                length = end - i;
            }
        }
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 8; i++) {
            if (i == start) {
                text.append("::");
                i += length - 1;
            } else {
                if (!text.isEmpty() && text.charAt(text.length() - 1) != ':') {
                    text.append(':');
                }
                text.append(Integer.toHexString(groups[i]));
            }
        }
        return text.toString();
    }

    @Override
    public String toString() {
        return text;
    }
}
