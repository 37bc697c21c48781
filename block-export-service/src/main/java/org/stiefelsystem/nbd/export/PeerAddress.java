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

    public static PeerAddress of(InetAddress address) {
        if (!(address instanceof Inet6Address six)) {
            return new PeerAddress(address.getHostAddress());
        }
        String link = six.getScopeId() == 0 ? "" : "%" + linkName(six.getScopeId());
        return new PeerAddress(shorten(six.getAddress()) + link);
    }

    /** The kernel numbers links; people name them. */
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
