package org.stiefelsystem.nbd.export;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What peers, exports and disks are called. */
class NamesTests {

    private static final String BOOT_ID = "0123456789abcdef0123456789abcdef";

    @Test
    void addressesAreShort() throws IOException {
        String[][] addresses = {
            {"192.0.2.1", "192.0.2.1"},
            {"::1", "::1"},
            {"::", "::"},
            {"fe80::1", "fe80::1"},
            {"2001:db8::", "2001:db8::"},
            {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
            {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
            {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
        };
        for (String[] address : addresses) {
            assertThat(PeerAddress.of(InetAddress.ofLiteral(address[0])).text()).isEqualTo(address[1]);
        }
        int loopback = NetworkInterface.getByName("lo").getIndex();
        byte[] linkLocal = InetAddress.ofLiteral("fe80::1").getAddress();
        assertThat(PeerAddress.of(Inet6Address.getByAddress(null, linkLocal, loopback))
                        .text())
                .isEqualTo("fe80::1%lo");
        assertThat(PeerAddress.of(Inet6Address.getByAddress(null, linkLocal, 1_000_000))
                        .text())
                .isEqualTo("fe80::1%1000000");
        PeerAddress.Link gone = new PeerAddress.Link(1_000_000, "usb0");
        assertThat(PeerAddress.on(gone, Inet6Address.getByAddress(null, linkLocal, 1_000_000))
                        .text())
                .isEqualTo("fe80::1%usb0");
        assertThat(PeerAddress.on(gone, Inet6Address.getByAddress(null, linkLocal, loopback))
                        .text())
                .isEqualTo("fe80::1%lo");
        assertThat(PeerAddress.on(gone, InetAddress.ofLiteral("127.0.0.1")).text())
                .isEqualTo("127.0.0.1");
    }

    @Test
    void exportNamesMayEndWithABootId() {
        assertThat(ExportName.parse("root@" + BOOT_ID)).isEqualTo(new ExportName("root", BOOT_ID));
        for (String plain : new String[] {"root", "", "@" + BOOT_ID, "root@" + BOOT_ID + "0", "root@x", "a@b"}) {
            assertThat(ExportName.parse(plain)).isEqualTo(new ExportName(plain, null));
        }
        assertThat(ExportName.parse("a@b@" + BOOT_ID)).isEqualTo(new ExportName("a@b", BOOT_ID));
    }

    @Test
    void namesThatAreNoPathsAreNobodys() {
        assertThat(DiskUsers.path("/dev/sda")).contains(Path.of("/dev/sda"));
        assertThat(DiskUsers.path("a\0b")).isEmpty();
    }
}
