package org.stiefelsystem.discovery.app;

import static org.assertj.core.api.Assertions.assertThatNoException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.discovery.LinkLocal;

class DoorsTests {

    @TempDir
    private Path directory;

    @Test
    void theDoorIsNotMovedToWhereItIs() throws Exception {
        Optional<Inet6Address> here = NetworkInterface.networkInterfaces()
                .flatMap(NetworkInterface::inetAddresses)
                .filter(address -> address instanceof Inet6Address && address.isLinkLocalAddress())
                .map(Inet6Address.class::cast)
                .findFirst();
        Assumptions.assumeTrue(here.isPresent(), "skipped, since this machine lacks: an IPv6 link-local address");
        Inet6Address address = here.orElseThrow();
        Doors doors = new Doors(InetAddress.getLoopbackAddress(), 0, Set.of(), AdminToken.in(directory))
                .link(address, 0, Set.of());
        assertThatNoException().isThrownBy(() -> doors.listenAt(onLink(address, address.getScopeId())));
        // A move needs Tomcat, which is not there.
        assertThatNullPointerException().isThrownBy(() -> doors.listenAt(onLink(address, address.getScopeId() + 1)));
    }

    private static LinkLocal onLink(Inet6Address address, int index) throws Exception {
        return new LinkLocal("link", index, Inet6Address.getByAddress(null, address.getAddress(), index));
    }
}
