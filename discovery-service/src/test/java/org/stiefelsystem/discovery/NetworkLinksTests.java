package org.stiefelsystem.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.stiefelsystem.discovery.TestLinks.DOWN;
import static org.stiefelsystem.discovery.TestLinks.NO_CARRIER;
import static org.stiefelsystem.discovery.TestLinks.UP;
import static org.stiefelsystem.discovery.TestLinks.link;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class NetworkLinksTests {

    private static final NetworkLink CABLE = link("cable", 7, UP, "10.1.0.1/16", "fe80::1/64", "fd00:1::1/64");
    private static final NetworkLink HOME = link("home", 8, UP, "192.168.1.5/24", "fe80::2/64");
    private static final NetworkLink SAME = link("same", 9, UP, "192.168.1.6/25");
    private static final NetworkLink LOW = link("down", 10, DOWN, "172.16.0.1/12");

    private final AtomicReference<List<NetworkLink>> here = new AtomicReference<>(List.of(CABLE, HOME, SAME, LOW));
    private Instant now = Instant.parse("2026-11-22T10:00:00Z");
    private final NetworkLinks links = new NetworkLinks(here::get, new HandClock());

    @Test
    void linkOfALinkLocalSenderIsItsScope() throws UnknownHostException {
        byte[] address = InetAddress.ofLiteral("fe80::9").getAddress();
        assertThat(links.linkOf(Inet6Address.getByAddress(null, address, 8))).contains(HOME);
        assertThat(links.linkOf(Inet6Address.getByAddress(null, address, 99))).isEmpty();
    }

    @Test
    void linkOfALinkLocalSenderWithoutScopeIsUnknown() {
        assertThat(links.linkOf(InetAddress.ofLiteral("fe80::9"))).isEmpty();
    }

    @Test
    void linkOfAnotherSenderIsTheOneWhoseSubnetHoldsIt() {
        assertThat(links.linkOf(InetAddress.ofLiteral("10.1.255.254"))).contains(CABLE);
        assertThat(links.linkOf(InetAddress.ofLiteral("fd00:1::77"))).contains(CABLE);
        assertThat(links.linkOf(InetAddress.ofLiteral("192.168.1.200"))).contains(HOME);
    }

    @Test
    void linkOfASenderOfNoSubnetIsUnknown() {
        assertThat(links.linkOf(InetAddress.ofLiteral("10.2.0.1"))).isEmpty();
        assertThat(links.linkOf(InetAddress.ofLiteral("0.0.0.0"))).isEmpty();
        assertThat(links.linkOf(InetAddress.ofLiteral("fd00:2::77"))).isEmpty();
    }

    @Test
    void linkOfASenderOfTwoSubnetsIsUnknown() {
        assertThat(links.linkOf(InetAddress.ofLiteral("192.168.1.9"))).isEmpty();
    }

    @Test
    void linkThatIsDownHoldsNobody() {
        assertThat(links.linkOf(InetAddress.ofLiteral("172.16.0.2"))).isEmpty();
    }

    @Test
    void eachIsInItsStateSinceItCameIntoIt() {
        Instant start = now;
        tick(CABLE, HOME);
        Instant pulled = tick(CABLE, link("home", 8, NO_CARRIER));
        assertThat(links.seen())
                .containsExactly(
                        new NetworkLinks.Seen(CABLE, start),
                        new NetworkLinks.Seen(link("home", 8, NO_CARRIER), pulled));
        Instant renewed = tick(link("cable", 11, UP), link("home", 8, NO_CARRIER, "10.0.0.1/8"));
        assertThat(links.seen()).extracting(NetworkLinks.Seen::since).containsExactly(renewed, pulled);
    }

    private Instant tick(NetworkLink... found) {
        now = now.plusSeconds(1);
        here.set(List.of(found));
        links.refresh();
        return now;
    }

    private final class HandClock extends Clock {

        @Override
        public Instant instant() {
            return now;
        }

        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            return this;
        }
    }
}
