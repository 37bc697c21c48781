package org.stiefelsystem.payload;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.List;

/** A guest's address as people write it: RFC 5952, with the link's name behind a link-local one. */
public final class GuestAddress {

    private GuestAddress() {}

    /** From what a servlet calls the remote address, such as {@code fe80:0:0:0:0:0:0:1%3}. */
    public static String text(String remoteAddress) {
        try {
            return text(InetAddress.ofLiteral(remoteAddress));
        } catch (IllegalArgumentException e) {
            return remoteAddress;
        }
    }

    public static String text(InetAddress address) {
        if (address instanceof Inet6Address six) {
            return compressed(six.getAddress()) + (six.getScopeId() == 0 ? "" : "%" + link(six.getScopeId()));
        }
        return address.getHostAddress();
    }

    private static String link(int index) {
        try {
            NetworkInterface device = NetworkInterface.getByIndex(index);
            return device == null ? Integer.toString(index) : device.getName();
        } catch (SocketException e) {
            return Integer.toString(index);
        }
    }

    private static String compressed(byte[] address) {
        List<String> groups = new ArrayList<>();
        for (int i = 0; i < address.length; i += 2) {
            groups.add(Integer.toHexString((address[i] & 0xff) << 8 | (address[i + 1] & 0xff)));
        }
        int bestStart = 0;
        int bestLength = 0;
        for (int start = 0; start < groups.size(); start++) {
            int end = start;
            while (end < groups.size() && groups.get(end).equals("0")) {
                end++;
            }
            if (end - start > bestLength) {
                bestStart = start;
                bestLength = end - start;
            }
        }
        if (bestLength < 2) {
            return String.join(":", groups);
        }
        return String.join(":", groups.subList(0, bestStart))
                + "::"
                + String.join(":", groups.subList(bestStart + bestLength, groups.size()));
    }
}
