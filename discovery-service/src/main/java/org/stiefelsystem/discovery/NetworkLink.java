package org.stiefelsystem.discovery;

import java.net.InetAddress;
import java.util.List;

/** One network interface as it was when we looked. */
public record NetworkLink(String name, int index, boolean up, List<Subnet> subnets) {

    boolean holds(InetAddress address) {
        return subnets.stream().anyMatch(subnet -> subnet.contains(address));
    }

    /** An address of the interface with the length of its prefix. */
    public record Subnet(InetAddress address, int prefixLength) {

        boolean contains(InetAddress other) {
            byte[] mine = address.getAddress();
            byte[] theirs = other.getAddress();
            if (mine.length != theirs.length || prefixLength > mine.length * 8) {
                return false;
            }
            for (int bit = 0; bit < prefixLength; bit++) {
                if (((mine[bit / 8] ^ theirs[bit / 8]) & (0x80 >> (bit % 8))) != 0) {
                    return false;
                }
            }
            return true;
        }
    }
}
