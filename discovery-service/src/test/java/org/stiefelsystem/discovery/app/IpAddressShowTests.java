package org.stiefelsystem.discovery.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.groups.Tuple.tuple;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.stiefelsystem.discovery.NetworkLink;
import org.stiefelsystem.discovery.NetworkLink.State;

/** What `ip -j -d address show` of iproute2 6.1 printed in a namespace with links of many kinds. */
class IpAddressShowTests {

    @Test
    void linksAreReadAsTheyArePrinted() throws IOException {
        List<NetworkLink> links = IpAddressShow.parse(captured());
        assertThat(links)
                .extracting(NetworkLink::index, NetworkLink::name, NetworkLink::state, NetworkLink::kind)
                .containsExactly(
                        tuple(1, "lo", State.UP, null),
                        tuple(2, "guest0", State.UP, "veth"),
                        tuple(3, "cable0", State.UP, "veth"),
                        tuple(4, "down0", State.DOWN, "veth"),
                        tuple(5, "q\"\\x", State.DOWN, "veth"),
                        tuple(6, "twin1", State.UP, "veth"),
                        tuple(7, "twin0", State.UP, "veth"),
                        tuple(8, "br0", State.UP, "bridge"),
                        tuple(9, "tun0", State.NO_CARRIER, "tun"),
                        tuple(10, "vx0", State.DOWN, "vxlan"));
        assertThat(links.get(0).mtu()).isEqualTo(65536);
        assertThat(links.get(2).mac()).isEqualTo("02:00:00:00:00:01");
        assertThat(links.get(2).flags()).containsExactlyInAnyOrder("BROADCAST", "MULTICAST", "UP", "LOWER_UP");
        assertThat(links.get(8).mac()).as("a tunnel has none").isNull();
    }

    @Test
    void addressesAreReadWithWhatIsWrongWithThem() throws IOException {
        List<NetworkLink> links = IpAddressShow.parse(captured());
        assertThat(words(links.get(0))).containsExactly("127.0.0.1/8 host", "::1/128 host");
        assertThat(words(links.get(2))).containsExactly("10.77.0.1/24 global", "fe80::ff:fe00:1/64 link tentative");
        assertThat(words(links.get(5))).containsExactly("fe80::ff:fe00:9/64 link");
        assertThat(words(links.get(6))).containsExactly("fe80::ff:fe00:9/64 link tentative duplicate");
        assertThat(words(links.get(8))).containsExactly("10.78.0.1/32 global");
        assertThat(words(links.get(9))).isEmpty();
    }

    @Test
    void whatIsNotKnownOrNotThereIsPassedOver() throws IOException {
        assertThat(IpAddressShow.parse("[]")).isEmpty();
        assertThat(IpAddressShow.parse(
                        "[{},{\"ifindex\":1},{\"ifname\":\"x\"},7,null,[1],{\"ifname\":\"\",\"ifindex\":2}]"))
                .isEmpty();
        List<NetworkLink> links = IpAddressShow.parse("""
                [{"ifindex":4,"ifname":"new0","flags":["UP","FROM-2030",null],"mtu":"wide","address":5,
                  "linkinfo":{"info_kind":{"of":"2030"}},"altnames":["other"],"unheard":{"of":[{}]},
                  "addr_info":[{"family":"inet6","local":"fe80::4","prefixlen":64,"scope":"link","optimal":true},
                               {"family":"mpls","local":"16/17"},{"peer":"10.0.0.9"},{}]}]
                """);
        assertThat(links)
                .singleElement()
                .satisfies(link -> assertThat(link.kind()).isNull())
                .satisfies(link -> assertThat(link.mac()).isNull())
                .satisfies(link -> assertThat(words(link)).containsExactly("fe80::4/64 link"));
    }

    @Test
    void whatIsNoJsonIsAFailureInWords() {
        for (String output : List.of(
                "",
                "[",
                "{\"ifindex\":",
                "Dump terminated",
                "{}",
                "7",
                captured().substring(0, 3000))) {
            assertThatThrownBy(() -> IpAddressShow.parse(output))
                    .isInstanceOf(IOException.class)
                    .hasMessageStartingWith("`ip` did not print ");
        }
    }

    @Test
    void thisMachineHasALoopback() {
        assertThat(IpAddressShow.links())
                .filteredOn(link -> link.name().equals("lo"))
                .singleElement()
                .satisfies(lo -> assertThat(lo.index()).isPositive())
                .satisfies(lo -> assertThat(words(lo)).contains("127.0.0.1/8 host"));
    }

    @Test
    void commandThatFailsTellsItsLastWords() {
        assertThatThrownBy(() -> IpCommand.run("link", "set", "dev", "nolink9", "up"))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith("`ip link set dev nolink9 up` ended with 1: ")
                .hasMessageContaining("nolink9");
    }

    private static List<String> words(NetworkLink link) {
        return link.addresses().stream()
                .map(address -> address.text() + " " + address.scope() + (address.tentative() ? " tentative" : "")
                        + (address.duplicate() ? " duplicate" : ""))
                .toList();
    }

    private static String captured() {
        try (InputStream file =
                Objects.requireNonNull(IpAddressShowTests.class.getResourceAsStream("ip-address-show.json"))) {
            return new String(file.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
