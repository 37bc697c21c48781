package org.stiefelsystem.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.stiefelsystem.discovery.TestLinks.UP;
import static org.stiefelsystem.discovery.TestLinks.link;
import static org.stiefelsystem.discovery.TestLinks.linkLocal;

import java.net.InetAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LinkLocalTests {

    @Test
    void anotherInterfaceOfThatNameIsAnotherPlace() {
        LinkLocal here = linkLocal("usb0", 7, "fe80::1");
        assertThat(here).isEqualTo(linkLocal("usb0", 7, "fe80::1")).isNotEqualTo(linkLocal("usb0", 8, "fe80::1"));
        assertThat(here.address().getScopeId()).isEqualTo(7);
        assertThat(here.text()).isEqualTo("fe80::1%usb0");
    }

    @Test
    void onlyALinkLocalAddressWithTheLinksScopeIsOne() {
        NetworkLink usb0 = link("usb0", 7, UP, "fe80::1/64");
        assertThat(LinkLocal.of(linkLocal("usb0", 7, "fe80::1").address(), usb0))
                .contains(linkLocal("usb0", 7, "fe80::1"));
        assertThat(LinkLocal.of(linkLocal("usb0", 8, "fe80::1").address(), usb0))
                .isEmpty();
        for (String elsewhere : new String[] {"fe80::1", "::", "::1", "fd00::1", "127.0.0.1", "169.254.0.1"}) {
            assertThat(LinkLocal.of(InetAddress.ofLiteral(elsewhere), usb0)).isEmpty();
        }
    }

    // As `ip` writes them.
    @ParameterizedTest
    @CsvSource({
        "fe80:0:0:0:5054:ff:fe57:1e01, fe80::5054:ff:fe57:1e01",
        "fe80:0:0:0:0:0:0:1, fe80::1",
        "0:0:0:0:0:0:0:0, ::",
        "1:0:0:2:0:0:0:3, 1:0:0:2::3",
        "fe80:0:0:0:100:0:0:0, fe80::100:0:0:0",
        "1:0:3:4:5:6:7:8, 1:0:3:4:5:6:7:8",
        "10.0.0.1, 10.0.0.1",
    })
    void addressesAreWrittenShort(String full, String text) {
        assertThat(AddressText.of(InetAddress.ofLiteral(full))).isEqualTo(text);
    }
}
