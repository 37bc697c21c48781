package org.stiefelsystem.boot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;
import org.stiefelsystem.shell.demo.Lab;
import org.stiefelsystem.shell.demo.QemuMachine;
import org.stiefelsystem.shell.demo.RootPartition;
import org.stiefelsystem.shell.demo.SerialConsole;
import tools.jackson.databind.JsonNode;

/**
 * One boot from power-on to power-off, of a Debian 12 that knows nothing of Stiefelsystem. It happens once, in
 * {@link #bootUseAndPowerOff}; each test then asserts one thing of what was seen.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@ExtendWith(ShowsConsoles.class)
class BootIntegrationTests implements ShowsConsoles.Source {

    private static final Duration STEP = Duration.ofMinutes(2);
    private static final Duration BOOT = Duration.ofMinutes(6);
    private static final String MAC = "52:54:00:57:1e:02";

    private static final List<String> PHASES = List.of(
            "agent", "link", "host", "manifest", "kernel", "initrd", "verified", "kexec", "root-link", "nbd", "init");

    private final Project project = Project.underTest();
    private @Nullable MachineRoom room;

    private String console = "";
    private String systemState = "";
    private String failedUnits = "";
    private String rootSource = "";
    private String rootUuid = "";
    private String diskRootUuid = "";
    private String swap = "";
    private String linkState = "";
    private String cmdline = "";
    private String kernelErrors = "not asked";
    private String writtenSha256 = "";
    private String readBackSha256 = "";
    private String fileSystemCheck = "";
    private String lockWhileServed = "";
    private String lockAfterwards = "";
    private String payloadMetrics = "";
    private String exportMetrics = "";
    private String discoveryMetrics = "";
    private @Nullable JsonNode statusWhileRunning;
    private String giveBack = "";
    private boolean poweredOff;
    private boolean serverEnded;

    @BeforeAll
    void bootUseAndPowerOff() throws Exception {
        MachineRoom machines = MachineRoom.open(project);
        room = machines;
        Lab net = machines.lab();
        Path disk = machines.newDisk("disk.img");
        Host laptop = machines.serve(Host.Machine.ofLab(project, net, "thinkpad"), disk, machines.boot());
        lockWhileServed = tryToOpen(net, disk);
        QemuMachine machine = machines.switchOnDesktop(MAC, "virtio-net-pci");
        watchItBoot(machine.console());
        useIt(GuestShell.login(machine.console(), "root", "stiefel"));
        statusWhileRunning = laptop.status();
        payloadMetrics = laptop.metrics(4664);
        exportMetrics = laptop.metrics(4665);
        discoveryMetrics = laptop.metrics(4663);
        machine.console().send("dmesg -n 4");
        giveBack = laptop.run("server", "stop");
        poweredOff = machine.awaitEnd(STEP);
        console = machine.console().transcript();
        serverEnded = laptop.awaitEnd(STEP);

        lockAfterwards = tryToOpen(net, disk);
        RootPartition root = RootPartition.of(disk, net);
        fileSystemCheck = root.check(net);
        diskRootUuid = net.run("sh", "-c", "dumpe2fs -h '" + root.device() + "' 2>/dev/null")
                .lines()
                .filter(line -> line.startsWith("Filesystem UUID:"))
                .findFirst()
                .orElse("")
                .replaceFirst(".*: *", "");
        readBackSha256 = root.sha256("/root/proof", net);
    }

    private static void watchItBoot(SerialConsole console) throws InterruptedException {
        console.await("stiefel: StiefelOS agent", STEP);
        console.await("stiefel: found a host", STEP);
        console.await("stiefel: kernel and initrd verified", STEP);
        console.await("stiefel: starting the kernel of thinkpad", STEP);
        console.await("stiefel: root-link on stiefellink (" + MAC + ")", STEP);
        console.await("stiefel: /dev/nbd0 is thinkpad's disk", STEP);
        console.await("stiefel: handing over to the system's own initrd", STEP);
        console.await("thinkpad login:", BOOT);
    }

    private void useIt(GuestShell shell) throws IOException, InterruptedException {
        systemState = shell.run("systemctl is-system-running --wait || true", BOOT);
        failedUnits = shell.run("systemctl list-units --failed --no-legend --plain");
        rootSource = shell.run("findmnt -no SOURCE /");
        rootUuid = shell.run("findmnt -no UUID /");
        swap = shell.run("swapon --show --noheadings");
        linkState = shell.run("networkctl --no-pager --no-legend list stiefellink");
        cmdline = shell.run("cat /proc/cmdline");
        kernelErrors = shell.run("dmesg --level=emerg,alert,crit,err | grep -E 'nbd|EXT4|I/O error|JBD2' || true");
        writtenSha256 = shell.run(
                        "dd if=/dev/urandom of=/root/proof bs=1M count=64 conv=fsync status=none && sha256sum /root/proof",
                        STEP)
                .substring(0, 64);
    }

    /** What QEMU's tools say when they are to open the disk for writing. */
    private static String tryToOpen(Lab net, Path disk) throws IOException, InterruptedException {
        return net.run("sh", "-c", "qemu-io -f raw -c quit '" + disk + "' 2>&1 && echo opened || true")
                .strip();
    }

    @AfterAll
    void tearDown() throws IOException {
        MachineRoom machines = room;
        if (machines != null) {
            machines.close();
        }
    }

    @Test
    void phasesAreReportedInOrderWithTheirTimes() {
        JsonNode phases = newestBoot().path("phases");
        assertThat(phases.findValuesAsString("phase")).containsExactlyElementsOf(PHASES);
        double before = 0;
        for (JsonNode phase : phases) {
            double seconds = phase.path("seconds").asDouble(-1);
            assertThat(seconds).as(phase.path("phase").asString()).isGreaterThanOrEqualTo(before);
            before = seconds;
        }
    }

    @Test
    void systemIsNotDegraded() {
        assertThat(failedUnits).as("failed units").isEmpty();
        assertThat(systemState).isEqualTo("running");
    }

    @Test
    void rootIsTheDisksRootPartitionOverTheNetwork() {
        assertThat(rootSource).matches("/dev/nbd0p[0-9]+");
        assertThat(rootUuid).isNotEmpty().isEqualTo(diskRootUuid);
    }

    @Test
    void swapOfTheServedDiskIsNotUsed() {
        assertThat(swap).isEmpty();
    }

    @Test
    void networkOfTheServedSystemLeavesTheLinkAlone() {
        assertThat(linkState).contains("unmanaged");
    }

    @Test
    void payloadIsStartedWithItsOwnCmdlineAndOurs() {
        assertThat(cmdline)
                .contains("root=UUID=" + diskRootUuid)
                .contains("rdinit=/stiefel/init noresume systemd.service_watchdogs=no")
                .contains("stiefel.mac=" + MAC);
    }

    @Test
    void writtenFileIsOnTheDiskAfterPowerOff() {
        assertThat(writtenSha256).hasSize(64).isEqualTo(readBackSha256);
    }

    @Test
    void powersOffInOrderAndLeavesACleanFileSystem() {
        assertThat(poweredOff).isTrue();
        assertThat(console).contains("Power down").doesNotContain("I/O error", "EXT4-fs error", "Buffer I/O");
        assertThat(kernelErrors).isEmpty();
        assertThat(fileSystemCheck).contains("Pass 5");
    }

    @Test
    void diskIsLockedWhileServedAndFreeAfterwards() {
        assertThat(lockWhileServed).contains("lock").doesNotEndWith("opened");
        assertThat(serverEnded).isTrue();
        assertThat(lockAfterwards).isEqualTo("opened");
    }

    @Test
    void statusNamesServicesExportAndGuest() {
        JsonNode status = status(statusWhileRunning);
        assertThat(status.path("services").findValuesAsString("state")).containsExactly("up", "up", "up");
        JsonNode export = status.path("exports").path(0);
        assertThat(export.path("name").asString()).isEqualTo("root");
        assertThat(export.path("holder").asString()).startsWith("fe80:");
        assertThat(export.path("bytesWritten").asLong()).isGreaterThan(64 * 1024 * 1024);
        JsonNode guest = status.path("guests").path(0);
        assertThat(guest.path("address")).isEqualTo(export.path("holder"));
        assertThat(guest.path("phase").asString()).isEqualTo("init");
    }

    @Test
    void giveMeMyLaptopBack() {
        assertThat(giveBack)
                .containsSubsequence(
                        "Asking fe80:",
                        "to shut down; root is free when it has",
                        "It shuts down.",
                        "has let go of root after",
                        "The services have ended");
        assertThat(console)
                .containsSubsequence(
                        "stiefel: thinkpad asks for its disk: this machine shuts down",
                        "stiefel: thinkpad has its disk back",
                        "Power down");
        assertThat(serverEnded).isTrue();
    }

    @Test
    void metricsCountTheBoot() {
        assertThat(discoveryMetrics).contains("stiefel_discovery_messages_total{", "stiefel_discovery_reply_seconds");
        assertThat(payloadMetrics).contains("stiefel_payload_bytes_total", "stiefel_boot_phase_seconds{");
        assertThat(exportMetrics)
                .contains(
                        "stiefel_nbd_requests_total{",
                        "stiefel_nbd_request_seconds_bucket{",
                        "stiefel_nbd_bytes_total{",
                        "stiefel_nbd_connections{",
                        "stiefel_nbd_inflight_bytes",
                        "stiefel_nbd_lease{");
        assertThat(sum(exportMetrics, "stiefel_nbd_bytes_total\\{.*direction=\"write\".*"))
                .isGreaterThan(64 * 1024 * 1024);
    }

    private JsonNode newestBoot() {
        return status(statusWhileRunning).path("lastBoot");
    }

    private static JsonNode status(@Nullable JsonNode status) {
        return Objects.requireNonNull(status, "the boot did not come that far");
    }

    private static double sum(String metrics, String line) {
        return metrics.lines()
                .filter(sample -> sample.matches(line))
                .mapToDouble(sample -> Double.parseDouble(sample.substring(sample.lastIndexOf(' ') + 1)))
                .sum();
    }

    @Override
    public String consoles() throws IOException {
        MachineRoom machines = room;
        return machines == null ? "(no machine was started)" : machines.consoles();
    }
}
