package org.stiefelsystem.discovery;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** Links in few words, for tests. */
public final class TestLinks {

    public static final Set<String> UP = Set.of("UP", "LOWER_UP");
    public static final Set<String> NO_CARRIER = Set.of("UP", "NO-CARRIER");
    public static final Set<String> DOWN = Set.of();

    private TestLinks() {}

    /** With addresses such as {@code 10.1.0.1/16} or {@code fe80::1/64 tentative}, {@code duplicate}. */
    public static NetworkLink link(String name, int index, Set<String> flags, String... addresses) {
        return new NetworkLink(
                name,
                index,
                flags,
                null,
                1500,
                null,
                Stream.of(addresses).map(TestLinks::address).toList());
    }

    private static NetworkLink.Address address(String text) {
        List<String> words = List.of(text.split("[/ ]", -1));
        InetAddress ip = InetAddress.ofLiteral(words.get(0));
        return new NetworkLink.Address(
                ip,
                Integer.parseInt(words.get(1)),
                ip instanceof Inet6Address && ip.isLinkLocalAddress() ? "link" : "global",
                words.size() > 2,
                words.contains("duplicate"));
    }

    public static LinkLocal linkLocal(String link, int index, String address) {
        return LinkLocal.of(link(link, index, UP), InetAddress.ofLiteral(address));
    }
}
