package org.stiefelsystem.shell.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.stiefelsystem.shell.CommandFailure;

class LinkAddressTests {

    @ParameterizedTest
    @CsvSource({
        "fe80:0:0:0:5054:ff:fe57:1e01, fe80::5054:ff:fe57:1e01",
        "fe80:0:0:0:0:0:0:1, fe80::1",
        "0:0:0:0:0:0:0:1, ::1",
        "1:0:0:2:0:0:0:3, 1:0:0:2::3",
        "fe80:0:0:0:100:0:0:0, fe80::100:0:0:0",
        "1:2:3:4:5:6:7:8, 1:2:3:4:5:6:7:8",
    })
    void shortenedLeavesOutTheLongestZeros(String full, String shortened) {
        Inet6Address address = (Inet6Address) InetAddress.ofLiteral(full);
        assertThat(LinkAddress.shortened(address)).isEqualTo(shortened);
        assertThat(InetAddress.ofLiteral(shortened)).isEqualTo(address);
    }

    @Test
    void ofMissingLinkNamesThoseThatAreThere() {
        assertThatThrownBy(() -> LinkAddress.raise("nolink9")).isInstanceOfSatisfying(CommandFailure.class, failure -> {
            assertThat(failure.what()).isEqualTo("there is no link nolink9");
            assertThat(failure.remedy()).startsWith("Links of this machine: ");
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"fe80::1", "fe80::1%eth0", "fe80:0:0:0:0:0:0:1"})
    void onLinkAddsTheScope(String bind) {
        assertThat(LinkAddress.onLink(bind, "eth0")).isEqualTo("fe80::1%eth0");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "0.0.0.0",
                "127.0.0.1",
                "169.254.1.1",
                "::",
                "::1",
                "2001:db8::1",
                "fe80::1%eth1",
                "eth0",
                "",
                "%eth0"
            })
    void onLinkRefusesEverythingElse(String bind) {
        assertThatThrownBy(() -> LinkAddress.onLink(bind, "eth0"))
                .isInstanceOfSatisfying(CommandFailure.class, failure -> {
                    assertThat(failure.exitCode()).isEqualTo(2);
                    assertThat(failure.remedy()).isNotEmpty();
                });
    }

    @Test
    void isEthernetRefusesLoopbackAndLinksWithoutArp() {
        assertThat(LinkAddress.isEthernet(Set.of("BROADCAST", "MULTICAST", "UP")))
                .isTrue();
        assertThat(LinkAddress.isEthernet(Set.of("LOOPBACK", "UP"))).isFalse();
        assertThat(LinkAddress.isEthernet(Set.of("BROADCAST", "NOARP"))).isFalse();
    }
}
