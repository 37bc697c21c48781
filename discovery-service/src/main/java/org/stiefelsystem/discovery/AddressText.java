package org.stiefelsystem.discovery;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;

/** An address as people and other programs write it (RFC 5952), without its scope. Java writes all eight groups. */
public final class AddressText {

    private AddressText() {}

    public static String of(InetAddress address) {
        return address instanceof Inet6Address ? compressed(address.getAddress()) : address.getHostAddress();
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
