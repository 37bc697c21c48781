package org.stiefelsystem.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.stiefelsystem.discovery.TestLinks.DOWN;
import static org.stiefelsystem.discovery.TestLinks.NO_CARRIER;
import static org.stiefelsystem.discovery.TestLinks.UP;
import static org.stiefelsystem.discovery.TestLinks.link;
import static org.stiefelsystem.discovery.TestLinks.linkLocal;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.stiefelsystem.discovery.LinkUpkeep.Step;
import org.stiefelsystem.discovery.LinkUpkeep.Step.AddAddress;
import org.stiefelsystem.discovery.LinkUpkeep.Step.BringUp;
import org.stiefelsystem.discovery.LinkUpkeep.Step.Listen;
import org.stiefelsystem.discovery.LinkUpkeep.Step.LookAgain;
import org.stiefelsystem.discovery.LinkUpkeep.Step.Tell;

class LinkUpkeepTests {

    private static final NetworkLink OTHER = link("wlan0", 2, DOWN);
    private static final NetworkLink THERE = link("usb0", 7, UP, "fe80::1/64", "10.0.0.1/24");
    private static final LinkLocal LISTENING = linkLocal("usb0", 7, "fe80::1");

    // A clock may begin anywhere, even before zero.
    private final AtomicLong clock = new AtomicLong(-5_000_000_000L);
    private final LinkUpkeep upkeep = new LinkUpkeep("usb0", clock::get);

    @Test
    void nothingIsToBeDoneWhileAllIsWell() {
        assertThat(look(LISTENING, THERE)).isEmpty();
        assertThat(look(LISTENING, THERE)).isEmpty();
        assertThat(look(null, THERE)).isEmpty();
    }

    @Test
    void aLinkThatIsDownIsBroughtUpAndOthersAreLeftAlone() {
        assertThat(look(LISTENING, link("usb0", 7, DOWN)))
                .containsExactly(new BringUp("usb0"), new LookAgain(Duration.ofSeconds(1)));
    }

    @Test
    void aLinkThatIsSetDownAgainAndAgainIsBroughtUpOnceASecond() {
        int tries = 0;
        for (int tenth = 0; tenth < 100; tenth++) {
            tries += look(LISTENING, link("usb0", 7, DOWN)).contains(new BringUp("usb0")) ? 1 : 0;
            look(LISTENING, THERE);
            clock.addAndGet(Duration.ofMillis(100).toNanos());
        }
        assertThat(tries).isEqualTo(10);
    }

    @Test
    void aLinkThatStaysDownIsTriedAgainEverMoreSlowly() {
        NetworkLink down = link("usb0", 7, DOWN);
        List<Duration> pauses = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            List<Step> steps = look(LISTENING, down);
            assertThat(steps).contains(new BringUp("usb0"));
            Duration pause = ((LookAgain) steps.getLast()).pause();
            pauses.add(pause);
            clock.addAndGet(pause.toNanos() - 1);
            assertThat(look(LISTENING, down)).as("too early").containsExactly(new LookAgain(Duration.ofNanos(1)));
            clock.addAndGet(1);
        }
        assertThat(pauses).extracting(Duration::toSeconds).containsExactly(1L, 2L, 4L, 8L, 16L, 30L, 30L, 30L);

        look(LISTENING);
        assertThat(look(LISTENING, link("usb0", 8, DOWN)))
                .as("another card is not made to wait")
                .contains(new BringUp("usb0"), new LookAgain(Duration.ofSeconds(2)));
    }

    @Test
    void servicesMoveToTheAddressOfAnInterfaceThatCameAnew() {
        look(LISTENING, THERE);
        assertThat(look(LISTENING))
                .containsExactly(new Tell("usb0 is gone: a guest that runs from this host waits until it is back"));
        assertThat(look(LISTENING)).as("said once").isEmpty();
        assertThat(look(LISTENING, link("usb0", 9, UP, "fe80::2/64")))
                .containsExactly(new Tell("usb0 is there again"), new Listen(linkLocal("usb0", 9, "fe80::2")));
    }

    @Test
    void servicesMoveWhenOnlyTheIndexIsAnother() {
        look(LISTENING, THERE);
        assertThat(look(LISTENING, link("usb0", 9, UP, "fe80::1/64")))
                .containsExactly(new Tell("usb0 is there again"), new Listen(linkLocal("usb0", 9, "fe80::1")));
    }

    @Test
    void servicesMoveWhenOnlyTheAddressIsAnother() {
        look(LISTENING, THERE);
        assertThat(look(LISTENING, link("usb0", 7, UP, "10.0.0.1/24", "fe80::2/64")))
                .containsExactly(new Listen(linkLocal("usb0", 7, "fe80::2")));
    }

    @Test
    void servicesStayWhereTheyAreToldOnce() {
        LinkLocal moved = linkLocal("usb0", 9, "fe80::2");
        assertThat(look(moved, link("usb0", 9, UP, "fe80::2/64"))).isEmpty();
    }

    @Test
    void servicesWaitForAnAddressThatCanBeUsed() {
        look(LISTENING, THERE);
        String[] unusable = {"fe80::2/64 tentative", "fe80::3/64 duplicate", "fd00::2/64", "10.0.0.1/24"};
        assertThat(look(LISTENING, link("usb0", 9, UP, unusable))).containsExactly(new Tell("usb0 is there again"));
        assertThat(look(LISTENING, link("usb0", 9, UP, unusable[0], "fe80::4/64")))
                .containsExactly(new Listen(linkLocal("usb0", 9, "fe80::4")));
    }

    @Test
    void servicesStayAtAnAddressThatComesBackAndLeaveOneThatIsAnothers() {
        look(LISTENING, THERE);
        assertThat(look(LISTENING, link("usb0", 7, UP, "fe80::1/64 tentative", "fe80::2/64")))
                .isEmpty();
        assertThat(look(LISTENING, link("usb0", 7, UP, "fe80::1/64 duplicate", "fe80::2/64")))
                .containsExactly(
                        new Tell("usb0 has an IPv6 address that another machine on it has, too:"
                                + " two cards with one MAC address? Change one of them"),
                        new Listen(linkLocal("usb0", 7, "fe80::2")));
    }

    @Test
    void anAddressThatWasTakenFromTheLinkIsGivenBack() {
        look(LISTENING, THERE);
        NetworkLink bare = link("usb0", 7, UP, "10.0.0.1/24");
        assertThat(look(LISTENING, bare))
                .containsExactly(new AddAddress(LISTENING), new LookAgain(Duration.ofSeconds(1)));
        clock.addAndGet(Duration.ofSeconds(1).toNanos() - 1);
        assertThat(look(LISTENING, bare)).as("too early").containsExactly(new LookAgain(Duration.ofNanos(1)));
        clock.addAndGet(1);
        assertThat(look(LISTENING, bare))
                .containsExactly(new AddAddress(LISTENING), new LookAgain(Duration.ofSeconds(2)));
        assertThat(look(LISTENING, THERE)).isEmpty();
    }

    @Test
    void noAddressIsGivenToALinkThatWillHaveOne() {
        look(LISTENING, THERE);
        assertThat(look(LISTENING, link("usb0", 7, NO_CARRIER)))
                .containsExactly(new Tell("usb0 has no carrier: is the cable in at both ends?"));
        look(LISTENING, THERE);
        assertThat(look(LISTENING, link("usb0", 7, UP, "fe80::2/64 tentative"))).isEmpty();
        assertThat(look(LISTENING, link("usb0", 9, UP))).containsExactly(new Tell("usb0 is there again"));
        assertThat(look(null, link("usb0", 9, UP))).isEmpty();
    }

    @Test
    void servicesThatDoNotDependOnTheLinkAreNotMoved() {
        look(null, THERE);
        assertThat(look(null, link("usb0", 9, UP, "fe80::2/64"))).containsExactly(new Tell("usb0 is there again"));
    }

    @Test
    void carrierIsToldWhenItGoesAndWhenItComes() {
        look(LISTENING, THERE);
        NetworkLink pulled = link("usb0", 7, NO_CARRIER, "fe80::1/64");
        assertThat(look(LISTENING, pulled))
                .containsExactly(new Tell("usb0 has no carrier: is the cable in at both ends?"));
        assertThat(look(LISTENING, pulled)).isEmpty();
        assertThat(look(LISTENING, THERE)).containsExactly(new Tell("usb0 is up again"));
    }

    @Test
    void linkThatIsNotHereAtFirstIsNoNews() {
        assertThat(look(LISTENING)).isEmpty();
    }

    private List<Step> look(@Nullable LinkLocal listening, NetworkLink... links) {
        List<NetworkLink> all = new ArrayList<>(List.of(links));
        all.add(OTHER);
        return upkeep.steps(all, listening);
    }
}
