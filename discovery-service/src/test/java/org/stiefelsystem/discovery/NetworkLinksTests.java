package org.stiefelsystem.discovery;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import org.junit.jupiter.api.Test;

class NetworkLinksTests {

    private static final NetworkLink CABLE = link("cable", 7, true, "10.1.0.1/16", "fe80::1/64", "fd00:1::1/64");
    private static final NetworkLink HOME = link("home", 8, true, "192.168.1.5/24", "fe80::2/64");
    private static final NetworkLink SAME = link("same", 9, true, "192.168.1.6/25");
    private static final NetworkLink DOWN = link("down", 10, false, "172.16.0.1/12");

    private final NetworkLinks links = new NetworkLinks(() -> List.of(CABLE, HOME, SAME, DOWN));

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
    void thisMachineHasALoopback() {
        assertThat(new NetworkLinks().named("lo"))
                .hasValueSatisfying(lo -> assertThat(lo.index()).isPositive());
    }

    private static NetworkLink link(String name, int index, boolean up, String... subnets) {
        return new NetworkLink(
                name,
                index,
                up,
                List.of(subnets).stream()
                        .map(subnet -> new NetworkLink.Subnet(
                                InetAddress.ofLiteral(subnet.substring(0, subnet.indexOf('/'))),
                                Integer.parseInt(subnet.substring(subnet.indexOf('/') + 1))))
                        .toList());
    }
}
