package org.stiefelsystem.boot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtendWith;
import org.stiefelsystem.shell.demo.Lab;
import org.stiefelsystem.shell.demo.RootPartition;
import org.stiefelsystem.shell.demo.SerialConsole;

/**
 * One machine whose host's services crash, stop, starve it and lie to it. The tests run in their order, on the same boot.
 * The request timeout is 3 s here, set as a user would, on the payload's cmdline: it is what twenty crashes wait for.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@ExtendWith(ShowsConsoles.class)
class RestartIntegrationTests implements ShowsConsoles.Source {

    private static final Duration TIMEOUT = Duration.ofSeconds(3);
    private static final int CRASHES = 20;
    private static final int OTHER_PORT = 10811;

    private @Nullable MachineRoom room;
    private Scene scene;

    @BeforeAll
    void bootAndLoad() throws Exception {
        room = MachineRoom.open(Project.underTest());
        scene = Scene.open(room, "52:54:00:57:1e:07", "stiefel.nbd-timeout=" + TIMEOUT.toSeconds());
        scene.work();
    }

    @Test
    @Order(1)
    void survivesTwentyCrashesOfTheService() throws Exception {
        double longest = 0;
        for (int i = 0; i < CRASHES; i++) {
            scene.host().close();
            scene.host().start();
            longest = Math.max(longest, scene.load().awaitProgress(Scene.afterA(TIMEOUT)));
        }
        assertThat(scene.host().export().path("reconnects").asInt()).isGreaterThanOrEqualTo(CRASHES);
        Figures.print("%d crashes of the service, timeout 3 s: I/O at most %.2f s after it served again"
                .formatted(CRASHES, longest));
        scene.load().assertUnharmed();
    }

    @Test
    @Order(2)
    void survivesAStopInOrderAndAnotherStart() throws Exception {
        String bootId = scene.host().export().path("bootId").asString();
        assertThat(scene.host().stop()).isTrue();
        assertThat(scene.load().standsStill(Duration.ofSeconds(4))).isTrue();
        scene.host().start();
        double seconds = scene.load().awaitProgress(Scene.afterA(TIMEOUT));
        Figures.print("stop in order and start: I/O %.2f s after it served again".formatted(seconds));
        assertThat(scene.host().export().path("bootId").asString()).isEqualTo(bootId);
        scene.load().assertUnharmed();
    }

    /** 90 % of the memory that is free held by a program, and dirty pages at their limit, when the cable goes. */
    @Test
    @Order(3)
    void survivesACutWhileMemoryIsShort() throws Exception {
        scene.shell().run("for p in $(cat /root/fio.pid) $$; do echo -900 >/proc/$p/oom_score_adj; done");
        scene.shell().write("/root/hog", """
                open my $adjust, ">", "/proc/self/oom_score_adj"; print $adjust 1000; close $adjust;
                open my $memory, "<", "/proc/meminfo";
                while (<$memory>) { $kib = $1 if /^MemAvailable: *([0-9]+)/ }
                my $held = "x" x ($kib * 1024 * 0.9); sleep 600;
                """);
        scene.shell().run("perl /root/hog </dev/null >/dev/null 2>&1 & echo $! >/root/hog.pid");
        scene.shell()
                .run("sh -c 'while :; do dd if=/dev/zero of=/root/dirty bs=1M count=150 conv=notrunc; done' </dev/null"
                        + " >/dev/null 2>&1 & echo $! >/root/dirty.pid");
        scene.load().awaitProgress(Scene.STEP);
        // Until the hog has its share, and dirty pages are half-way between their limits, from where on the kernel
        // makes
        // writers wait (Documentation/admin-guide/sysctl/vm.rst).
        scene.shell().write("/root/short", """
                while :; do
                  while read -r name value; do
                    case $name in
                      nr_dirty) dirty=$value ;; nr_writeback) writing=$value ;;
                      nr_dirty_threshold) most=$value ;; nr_dirty_background_threshold) some=$value ;;
                    esac
                  done </proc/vmstat
                  while read -r name value _; do
                    case $name in
                      MemTotal:) total=$value ;; MemAvailable:) available=$value ;;
                    esac
                  done </proc/meminfo
                  [ $((2 * (dirty + writing))) -lt $((most + some)) ] || [ $((available * 5)) -gt "$total" ] || exit 0
                  sleep 0.1
                done
                """);
        scene.shell().run("bash /root/short", Scene.STEP);
        scene.setSilent(true);
        Thread.sleep(Duration.ofSeconds(60));
        scene.setSilent(false);
        double seconds = scene.load().awaitProgress(Scene.STEP);
        Figures.print("cut of 60 s, 90 %% of memory taken, dirty pages at the limit: I/O %.2f s after the link's return"
                .formatted(seconds));
        assertThat(scene.shell().run("kill $(cat /root/dirty.pid); cat /proc/$(cat /root/hog.pid)/comm", Scene.STEP))
                .isEqualTo("perl");
        scene.shell().run("kill -9 $(cat /root/hog.pid); rm -f /root/dirty", Scene.STEP);
        scene.load().assertUnharmed();
        String memory = scene.shell()
                .run(
                        "for p in /proc/[0-9]*; do grep -q '^stiefel-' $p/comm && grep -h -E 'VmRSS|VmLck' $p/status; done 2>/dev/null; true");
        Figures.print("keeper: " + memory.replaceAll("\\s+", " "));
        assertThat(sum("VmRSS", memory)).isBetween(1, 2048);
        assertThat(sum("VmLck", memory)).isBetween(1, 2048);
    }

    private static int sum(String field, String status) {
        return Pattern.compile(field + ":\\s+([0-9]+) kB")
                .matcher(status)
                .results()
                .mapToInt(result -> Integer.parseInt(result.group(1)))
                .sum();
    }

    @Test
    @Order(4)
    void saysWhatIsWrongBeforeItKeepsAnything() throws Exception {
        scene.shell().run("cp /run/initramfs/shutdown /root/keeper");
        assertThat(keeper("root@" + "f".repeat(32), 10809))
                .isEqualTo("the host was restarted, or never started this boot; its disk may have changed since");
        assertThat(keeper("root", 10809)).contains("export root is in use by fe80:");
        assertThat(keeper("nothing", 10809)).contains("no export is named \"nothing\"");
        assertThat(keeper("root", 1)).contains("its service does not run");
        assertThat(scene.shell().run("/root/keeper " + arguments("root", 10809, 0) + " || true"))
                .contains("/dev/nbd0 is in use: another keeper");
        try (Listener noNbd = new Listener("SYSTEM:echo I am a web server that says hello to everybody; sleep 5");
                Listener mute = new Listener("EXEC:sleep 600");
                Listener afterGreeting = new Listener(greetsOnly())) {
            assertThat(keeper("root", noNbd.port())).contains("is no NBD server that this machine can use");
            assertThat(keeper("root", mute.port())).contains("its service does not answer");
            assertThat(keeper("root", afterGreeting.port())).contains("it still works on what it got before");
        }
        scene.load().assertUnharmed();
    }

    @Test
    @Order(5)
    void doesNotGoOnWithADiskThatHasChanged() throws Exception {
        Path other = scene.path("other.img");
        for (String change : List.of("size", "access")) {
            Files.write(other, new byte[1 << 20]);
            Process export = export(other, List.of());
            assertThat(keeper("data", OTHER_PORT)).isEmpty();
            assertThat(scene.shell()
                            .run("setpriv --reuid=65534 --clear-groups /root/keeper " + arguments("data", OTHER_PORT, 2)
                                    + " --shutdown-port 61573 || true"))
                    .contains("the kernel does not let this user connect /dev/nbd2");
            scene.console().skip();
            kill(export);
            // A handshake that is cut in the middle; the keeper must not stay with it.
            try (Listener afterGreeting = new Listener(OTHER_PORT, greetsOnly())) {
                assertThat(afterGreeting.port()).isEqualTo(OTHER_PORT);
                scene.console().await("stiefel: tester unreachable since 3 s", Scene.STEP);
            }
            if (change.equals("size")) {
                try (RandomAccessFile file = new RandomAccessFile(other.toFile(), "rw")) {
                    file.setLength(2 << 20);
                }
            }
            export = export(other, change.equals("access") ? List.of("--read-only") : List.of());
            SerialConsole console = scene.console();
            console.await("stiefel: error: tester's disk is another one now", Scene.STEP);
            console.await("stiefel: power this machine off", Scene.STEP);
            signalKeepers("USR1", "tester");
            console.await("stiefel: tester could not be told that its disk is free", Scene.STEP);
            kill(export);
        }
        scene.load().assertUnharmed();
    }

    @Test
    @Order(6)
    void aKeeperThatIsKilledIsReplaced() throws Exception {
        int before = scene.host().export().path("reconnects").asInt();
        signalKeepers("KILL", "thinkpad");
        scene.console().await("stiefel: the keeper died; another one takes its place", Scene.STEP);
        scene.host().awaitExport(export -> export.path("reconnects").asInt() > before, Scene.STEP);
        scene.load().awaitProgress(Scene.afterA(TIMEOUT));
        scene.host().close();
        scene.host().start();
        scene.load().awaitProgress(Scene.afterA(TIMEOUT));
        assertThat(scene.host().export().path("reconnects").asInt()).isGreaterThanOrEqualTo(before + 2);
        scene.load().assertUnharmed();
    }

    @Test
    @Order(7)
    void rebootGivesTheDiskBack() throws Exception {
        scene.load().endFio();
        scene.console().send("dmesg -n 4; systemctl reboot");
        assertThat(scene.machine().awaitEnd(Scene.STEP)).isTrue();
        assertThat(scene.console().transcript()).contains("stiefel: thinkpad has its disk back");
        assertThat(scene.host().export().path("state").asString()).isEqualTo("free");
        assertThat(scene.host().stop()).isTrue();
        RootPartition root = scene.root();
        assertThat(root.check(scene.lab())).contains("Pass 5");
        scene.load().assertOnDisk(root, scene.lab());
    }

    /** Signals the keeper of that host's disk, a moment later: what it says then is not part of this command's answer. */
    private void signalKeepers(String signal, String host) throws IOException, InterruptedException {
        scene.shell()
                .run("{ sleep 1; for p in /proc/[0-9]*; do grep -qx stiefel-keeper $p/comm && grep -qz " + host
                        + " $p/cmdline && kill -" + signal + " ${p#/proc/}; done; } >/dev/null 2>&1 &");
    }

    /** Another keeper in the guest, for a device of its own; what it says when it cannot begin. */
    private String keeper(String export, int port) throws IOException, InterruptedException {
        return scene.shell().run("/root/keeper " + arguments(export, port, 1) + " --shutdown-port 61572 || true");
    }

    private String arguments(String export, int port, int device) throws IOException, InterruptedException {
        return "--host $(sed 's/.*stiefel.host=\\([^ ]*\\).*/\\1/' /proc/cmdline) --link stiefellink --name "
                + (export.equals("data") ? "tester" : "thinkpad") + " --port " + port + " --export " + export
                + " --boot-id " + "f".repeat(32) + " --timeout 2 --device " + device;
    }

    /** {@code stiefelctl export} on the host's link. */
    private Process export(Path image, List<String> more) throws IOException, InterruptedException {
        List<String> words = new ArrayList<>(List.of(
                "export", image.toString(), "--name", "data", "--bind", linkAddress(), "--port", "" + OTHER_PORT));
        words.addAll(more);
        Process export = scene.host().stiefelctl(words.toArray(String[]::new)).start();
        String first = export.inputReader().readLine();
        assertThat(first).startsWith("ready nbd://");
        return export;
    }

    /** What put it into the lab ends with it. */
    private static void kill(Process export) throws InterruptedException {
        export.descendants().forEach(ProcessHandle::destroyForcibly);
        export.waitFor();
    }

    private String linkAddress() throws IOException, InterruptedException {
        return scene.host().status().path("server").path("address").asString();
    }

    /** A server of fixed newstyle that answers no option, for a {@link Listener}. */
    private String greetsOnly() throws IOException {
        Path greeting = scene.path("greeting");
        Files.writeString(greeting, "NBDMAGICIHAVEOPT\0\3");
        return "SYSTEM:cat " + greeting + "; sleep 600";
    }

    /** Something that listens on the host's link and is no NBD server. */
    private final class Listener implements AutoCloseable {

        private static int next = 10820;
        private final int port;
        private final Process process;

        Listener(String address) throws IOException, InterruptedException {
            this(next++, address);
        }

        Listener(int port, String address) throws IOException, InterruptedException {
            this.port = port;
            process = scene.lab()
                    .process(List.of(
                            "socat", "TCP6-LISTEN:" + port + ",reuseaddr,fork,so-bindtodevice=" + Lab.LINK, address))
                    .start();
        }

        int port() {
            return port;
        }

        @Override
        public void close() {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
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
