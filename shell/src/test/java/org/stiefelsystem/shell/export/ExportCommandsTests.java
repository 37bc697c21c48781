package org.stiefelsystem.shell.export;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;

class ExportCommandsTests {

    @Test
    void uriOfIpv4() {
        assertThat(ExportCommands.uri(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 10809), "root"))
                .isEqualTo("nbd://127.0.0.1:10809/root");
    }

    @Test
    void uriOfIpv6WithStrangeName() {
        assertThat(ExportCommands.uri(new InetSocketAddress(InetAddress.ofLiteral("::1"), 1), "a b/ü"))
                .isEqualTo("nbd://[0:0:0:0:0:0:0:1]:1/a%20b%2F%C3%BC");
    }
}
