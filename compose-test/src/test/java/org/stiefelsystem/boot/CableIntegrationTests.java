package org.stiefelsystem.boot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.util.Objects;
import java.util.Random;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.stiefelsystem.shell.demo.Lab;
import org.stiefelsystem.shell.demo.QemuMachine;
import org.stiefelsystem.shell.demo.RootPartition;
import org.stiefelsystem.shell.demo.SerialConsole;

/**
 * One machine and one cable, which is pulled, cut and re-plugged while the machine boots and while it works. The tests run
 * in their order, on the same boot; the request timeout is the real one, 10 s. How long a cut lasts is what they are
 * about, so here a test sleeps.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@ExtendWith(ShowsConsoles.class)
class CableIntegrationTests implements ShowsConsoles.Source {

    /** Until what was answered before a cut has arrived. */
    private static final Duration ON_THE_WAY = Duration.ofSeconds(1);

    /** The default, which is the one under test here. */
    private static final Duration TIMEOUT = Duration.ofSeconds(10);

    /** Until a host is looked for, and found. */
    private static final Duration SEARCH = Duration.ofSeconds(3);

    private static final String MAC = "52:54:00:57:1e:05";
    private static final String OTHER_MAC = "52:54:00:57:1e:06";
    private static final String USB_TAP = "desktop1";
    private static final String USB_MAC = "52:54:00:57:1e:0b";
    private static final String MODEL = "virtio-net-pci";

    private @Nullable MachineRoom room;
    private Scene scene;

    private enum Cut {
        CARRIER,
        SILENT
    }

    private void cut(Cut cut) throws IOException, InterruptedException {
        switch (cut) {
            case CARRIER -> scene.machine().setCable(false);
            case SILENT -> scene.setSilent(true);
        }
    }

    private void mend(Cut cut) throws IOException, InterruptedException {
        switch (cut) {
            case CARRIER -> scene.machine().setCable(true);
            case SILENT -> scene.setSilent(false);
        }
    }

    private void cutFor(Cut cut, Duration time) throws IOException, InterruptedException {
        cut(cut);
        Thread.sleep(time);
        mend(cut);
    }

    @BeforeAll
    void switchOn() throws Exception {
        room = MachineRoom.open(Project.underTest());
        scene = Scene.open(room, MAC, "");
    }

    @Test
    @Order(1)
    void bootsThroughCutsInDiscoveryFetchKexecAndHandshake() throws Exception {
        SerialConsole console = scene.console();
        console.await("stiefel: looking for a host", Scene.STEP);
        cutFor(Cut.SILENT, Duration.ofSeconds(3));
        console.await("stiefel: fetching the initrd of thinkpad", Scene.STEP);
        cutFor(Cut.SILENT, Duration.ofSeconds(4));
        console.await("stiefel: starting the kernel of thinkpad", Scene.STEP);
        cut(Cut.SILENT);
        console.await("stiefel: root-link on stiefellink", Scene.STEP);
        console.await("stiefel: error: no disk from thinkpad: it does not answer", Scene.STEP);
        mend(Cut.SILENT);
        console.await("stiefel: /dev/nbd0 is thinkpad's disk", Scene.STEP);
        cutFor(Cut.CARRIER, Duration.ofSeconds(2));
        scene.work();
        assertThat(scene.host().export().path("state").asString()).isEqualTo("held");
    }

    @Order(2)
    @ParameterizedTest
    @ValueSource(strings = {"CARRIER 5", "SILENT 5", "SILENT 12", "CARRIER 30", "SILENT 30", "CARRIER 90", "SILENT 90"})
    void waitsAndGoesOn(String what) throws Exception {
        surviveCut(what);
    }

    @Order(3)
    @ParameterizedTest
    @ValueSource(strings = {"CARRIER 600", "SILENT 600"})
    @EnabledIfSystemProperty(named = "stiefel.full", matches = "true", disabledReason = "runs with --full")
    void waitsTenMinutesAndGoesOn(String what) throws Exception {
        surviveCut(what);
    }

    private void surviveCut(String what) throws Exception {
        Cut cut = Cut.valueOf(what.substring(0, what.indexOf(' ')));
        Duration time = Duration.ofSeconds(Long.parseLong(what.substring(what.indexOf(' ') + 1)));
        scene.console().skip();
        cut(cut);
        // What was answered already still arrives.
        Thread.sleep(ON_THE_WAY);
        assertThat(scene.load().standsStill(time.minus(ON_THE_WAY))).isTrue();
        mend(cut);
        Duration least = TIMEOUT.minus(time);
        double seconds = scene.load().awaitProgress(least.isNegative() ? Scene.SOON : Scene.afterA(least));
        Figures.print("%s cut of %d s: I/O %.2f s after the link's return".formatted(cut, time.toSeconds(), seconds));
        if (time.compareTo(TIMEOUT) > 0) {
            String gone = cut == Cut.CARRIER ? "the cable of stiefellink is out" : "thinkpad unreachable";
            scene.console()
                    .await(Pattern.compile("stiefel: " + gone + " since [0-9]+ s.*everything waits"), Scene.STEP);
            scene.console().await(Pattern.compile("stiefel: thinkpad is back after [0-9]+ s"), Scene.STEP);
        }
        scene.load().assertUnharmed();
    }

    @Test
    @Order(4)
    void survivesTwentyShortCutsAtRandomMoments() throws Exception {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        double longest = 0;
        for (int i = 0; i < 20; i++) {
            Cut cut = random.nextBoolean() ? Cut.CARRIER : Cut.SILENT;
            cutFor(cut, Duration.ofMillis(100 + random.nextInt(2000)));
            double seconds = scene.load().awaitProgress(Scene.afterA(TIMEOUT));
            longest = Math.max(longest, seconds);
            Thread.sleep(random.nextInt(800));
        }
        Figures.print("20 short cuts (seed %d): I/O at most %.2f s after the link's return".formatted(seed, longest));
        scene.load().assertUnharmed();
    }

    @Test
    @Order(5)
    void survivesACrashOfTheServiceThatIsShorterThanTheTimeout() throws Exception {
        long killed = System.nanoTime();
        scene.host().close();
        scene.host().start();
        double outage = (System.nanoTime() - killed) / 1e9;
        double seconds = scene.load().awaitProgress(Scene.afterA(TIMEOUT));
        Figures.print("a crash of the service of %.1f s, timeout 10 s: I/O %.2f s after it served again"
                .formatted(outage, seconds));
        scene.load().assertUnharmed();
    }

    @Test
    @Order(6)
    void followsItsHostToAnotherAddress() throws Exception {
        String before = address();
        scene.lab().run("ip", "-6", "address", "add", "fe80::ca:b1e/64", "dev", Lab.LINK, "nodad");
        scene.lab()
                .run("ip", "-6", "address", "del", before.substring(0, before.indexOf('%')) + "/64", "dev", Lab.LINK);
        double seconds = scene.load().awaitProgress(Scene.afterA(TIMEOUT.plus(SEARCH)));
        Figures.print("the host has another address: I/O %.2f s after the change".formatted(seconds));
        assertThat(address()).startsWith("fe80::ca:b1e%");
        scene.load().assertUnharmed();
    }

    @Test
    @Order(7)
    void followsItsCardIntoEverySlot() throws Exception {
        replug(MAC, 0, Duration.ofSeconds(3));
        replug(MAC, 1, Duration.ofSeconds(12));
        replug(MAC, 0, Duration.ofSeconds(12));
    }

    /** The lease follows the boot, whose address is another one now. */
    @Test
    @Order(8)
    void takesAnotherCardForItsOwnWhenTheHostAnswersThere() throws Exception {
        replug(OTHER_MAC, 1, Duration.ofSeconds(12));
        assertThat(scene.host().export().path("holder").asString()).contains("5054:ff:fe57:1e06");
    }

    /** As with every other kind of card, its driver must be loaded before. */
    @Test
    @Order(9)
    void goesOnOverAUsbCardToo() throws Exception {
        scene.lab().addTap(USB_TAP);
        scene.machine().addCable(USB_TAP);
        scene.shell().run("modprobe -a cdc_ether rndis_host", Scene.STEP);
        replugUsb();
        replugUsb();
        replug(OTHER_MAC, 0, Duration.ofSeconds(12));
    }

    private void replug(String mac, int slot, Duration out) throws Exception {
        unplug(out);
        scene.machine().plugCard(MODEL, mac, slot);
        goesOnAfterReplug("card %s out for %d s, then in slot %d".formatted(mac, out.toSeconds(), slot), out);
    }

    private void replugUsb() throws Exception {
        Duration out = Duration.ofSeconds(12);
        unplug(out);
        scene.machine().plugUsbCard(USB_TAP, USB_MAC);
        goesOnAfterReplug("no card for %d s, then one on USB".formatted(out.toSeconds()), out);
        assertThat(scene.host().export().path("holder").asString()).contains("5054:ff:fe57:1e0b");
    }

    private void unplug(Duration out) throws Exception {
        scene.machine().unplugCard(Scene.STEP);
        assertThat(scene.load().standsStill(out)).isTrue();
    }

    private void goesOnAfterReplug(String what, Duration out) throws Exception {
        Duration least = TIMEOUT.minus(out);
        double seconds = scene.load().awaitProgress(least.isNegative() ? Scene.SOON : Scene.afterA(least));
        Figures.print("%s: I/O %.2f s after device_add".formatted(what, seconds));
        scene.load().assertUnharmed();
    }

    private String address() throws Exception {
        return scene.host().status().path("server").path("address").asString();
    }

    @Test
    @Order(10)
    void crashLosesNothingThatWasSyncedAndTheNextBootGetsTheDisk() throws Exception {
        String bootId = scene.host().export().path("bootId").asString();
        scene.console().send("echo b >/proc/sysrq-trigger");
        assertThat(scene.machine().awaitEnd(Scene.STEP)).isTrue();
        assertThat(scene.host().export().path("bootId").asString())
                .as("the lease of a crashed guest")
                .isEqualTo(bootId);
        // Nothing told the host that the connection is dead.
        scene.host().awaitExport(export -> export.path("state").asString().equals("waiting"), Duration.ofSeconds(60));
        assertThat(scene.host().export().path("bootId").asString()).isEqualTo(bootId);
        try (QemuMachine next = room().switchOnDesktop(OTHER_MAC, MODEL)) {
            next.console().await("stiefel: /dev/nbd0 is thinkpad's disk", Scene.BOOT);
        }
        assertThat(scene.host().export().path("bootId").asString()).isNotEqualTo(bootId);
        // The service has everything, flushed or not; the image is looked at as it would be mounted next.
        assertThat(scene.host().stop()).isTrue();
        RootPartition root = scene.rootAfterReplay();
        assertThat(root.check(scene.lab())).contains("Pass 5");
        scene.load().assertOnDisk(root, scene.lab());
    }

    private MachineRoom room() {
        return Objects.requireNonNull(room);
    }

    @AfterAll
    void tearDown() throws IOException {
        MachineRoom machines = room;
        if (machines != null) {
            machines.close();
        }
    }

    @Override
    public String consoles() throws IOException {
        MachineRoom machines = room;
        return machines == null ? "(no machine was started)" : machines.consoles();
    }
}
