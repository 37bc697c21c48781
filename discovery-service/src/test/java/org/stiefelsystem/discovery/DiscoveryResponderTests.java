package org.stiefelsystem.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.stiefelsystem.discovery.TestLinks.linkLocal;

import java.net.InetAddress;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class DiscoveryResponderTests {

    private static final Find FIND = new Find("00112233445566778899aabbccddeeff");
    private static final InetAddress GUEST6 = InetAddress.ofLiteral("fe80::2");
    private static final InetAddress GUEST4 = InetAddress.ofLiteral("10.0.0.2");

    private final DiscoveryResponder responder = responder("fe80::1");

    @Test
    void respondOnTheNamedLinkRepeatsTheNonceAndTellsThePort() {
        assertThat(responder.respond(FIND, new Peer(GUEST6, "br0")))
                .contains(new Hello(FIND.nonce(), Hello.Transport.PLAIN, 4644));
    }

    @Test
    void respondOnAnotherLinkIsSilent() {
        assertThat(responder.respond(FIND, new Peer(GUEST6, "eth0"))).isEmpty();
    }

    @Test
    void respondOnAnUnknownLinkIsSilent() {
        assertThat(responder.respond(FIND, new Peer(GUEST6, null))).isEmpty();
    }

    @Test
    void respondOverTheFamilyThatNobodyListensOnIsSilent() {
        assertThat(responder.respond(FIND, new Peer(GUEST4, "br0"))).isEmpty();
        assertThat(responder("10.0.0.1").respond(FIND, new Peer(GUEST6, "br0"))).isEmpty();
        assertThat(responder("0.0.0.0").respond(FIND, new Peer(GUEST6, "br0"))).isEmpty();
    }

    @Test
    void respondWhenListeningOnBothFamiliesAnswersBoth() {
        assertThat(responder("::").respond(FIND, new Peer(GUEST4, "br0"))).isPresent();
        assertThat(responder("::").respond(FIND, new Peer(GUEST6, "br0"))).isPresent();
    }

    @Test
    void respondWhenListeningOnLoopbackIsSilentToACable() {
        assertThat(responder("127.0.0.1").respond(FIND, new Peer(GUEST4, "br0")))
                .isEmpty();
        assertThat(responder("127.0.0.1").respond(FIND, new Peer(InetAddress.ofLiteral("127.0.0.1"), "br0")))
                .isPresent();
    }

    @Test
    void respondOnAnotherInterfaceOfThatNameIsSilentUntilTheServicesListenThere() {
        AtomicReference<PlainOffer> offer = new AtomicReference<>(
                new PlainOffer("br0", linkLocal("br0", 7, "fe80::1").address(), 4644));
        DiscoveryResponder moving = new DiscoveryResponder(offer::get);
        Peer before = new Peer(linkLocal("br0", 7, "fe80::2").address(), "br0");
        Peer after = new Peer(linkLocal("br0", 9, "fe80::2").address(), "br0");
        assertThat(moving.respond(FIND, before)).isPresent();
        assertThat(moving.respond(FIND, after)).isEmpty();
        offer.set(new PlainOffer("br0", linkLocal("br0", 9, "fe80::1").address(), 4644));
        assertThat(moving.respond(FIND, after)).isPresent();
    }

    @Test
    void respondToAnotherHostsHelloIsSilent() {
        assertThat(responder.respond(new Hello(FIND.nonce(), Hello.Transport.PLAIN, 1), new Peer(GUEST6, "br0")))
                .isEmpty();
    }

    private static DiscoveryResponder responder(String bind) {
        PlainOffer offer = new PlainOffer("br0", InetAddress.ofLiteral(bind), 4644);
        return new DiscoveryResponder(() -> offer);
    }
}
