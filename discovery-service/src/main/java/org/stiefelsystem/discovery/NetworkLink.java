package org.stiefelsystem.discovery;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One network interface as it was when we looked.
 *
 * @param flags as {@code ip} writes them, such as UP, LOWER_UP, NO-CARRIER
 * @param mac the hardware address as {@code ip} writes it, or null where there is none
 * @param kind {@code veth}, {@code bridge} and so on, or null for hardware
 */
public record NetworkLink(
        String name,
        int index,
        Set<String> flags,
        @Nullable String mac,
        int mtu,
        @Nullable String kind,
        List<Address> addresses) {

    /** What an interface can do right now. */
    public enum State {
        /** It carries packets. */
        UP("up"),
        /** It is switched on, and there is nobody at the other end of the cable, or no cable. */
        NO_CARRIER("no carrier"),
        /** It is switched off. */
        DOWN("down");

        private final String words;

        State(String words) {
            this.words = words;
        }

        public String words() {
            return words;
        }
    }

    public State state() {
        if (!flags.contains("UP")) {
            return State.DOWN;
        }
        // What `ip` writes for an interface that is UP and not RUNNING. LOWER_UP alone says less: the carrier may be
        // there while the interface does not pass packets yet.
        return flags.contains("NO-CARRIER") ? State.NO_CARRIER : State.UP;
    }

    public boolean up() {
        return state() == State.UP;
    }

    boolean holds(InetAddress address) {
        return addresses.stream().anyMatch(mine -> mine.subnetHolds(address));
    }

    /**
     * An address of the interface with the length of its prefix.
     *
     * @param scope as {@code ip} writes it: {@code link}, {@code host}, {@code global} and others
     * @param tentative still looked for on other machines, and so not usable yet
     * @param duplicate found on another machine, and so not usable at all
     */
    public record Address(InetAddress ip, int prefixLength, String scope, boolean tentative, boolean duplicate) {

        boolean isLinkLocal() {
            return ip instanceof Inet6Address && scope.equals("link");
        }

        boolean usable() {
            return !tentative && !duplicate;
        }

        /** For people, such as {@code fe80::1/64}. */
        public String text() {
            return AddressText.of(ip) + "/" + prefixLength;
        }

        boolean subnetHolds(InetAddress other) {
            byte[] mine = ip.getAddress();
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
