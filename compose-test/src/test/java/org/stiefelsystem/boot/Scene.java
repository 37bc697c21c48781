package org.stiefelsystem.boot;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.shell.demo.Lab;
import org.stiefelsystem.shell.demo.QemuMachine;
import org.stiefelsystem.shell.demo.RootPartition;
import org.stiefelsystem.shell.demo.SerialConsole;

/** One laptop, one cable, and one desktop with verified I/O on the laptop's disk. */
final class Scene implements Closeable {

    /** For one step of a machine, under TCG on a loaded machine. */
    static final Duration STEP = Duration.ofMinutes(2);

    static final Duration BOOT = Duration.ofMinutes(6);

    /** What a loaded machine under TCG may need more than what is specified. */
    private static final Duration SLACK = Duration.ofSeconds(5);

    /** For I/O to go on after a cut that was longer than a request's timeout. */
    static final Duration SOON = Duration.ofMillis(1500).plus(SLACK);

    /** For I/O to go on when a request was lost just now, whose timeout is so long. */
    static Duration afterA(Duration timeout) {
        return timeout.plusSeconds(1).plus(SLACK);
    }

    private final MachineRoom room;
    private final Path disk;
    private final Host host;
    private final QemuMachine machine;
    private @Nullable GuestShell shell;
    private @Nullable GuestLoad load;

    private Scene(MachineRoom room, Path disk, Host host, QemuMachine machine) {
        this.room = room;
        this.disk = disk;
        this.host = host;
        this.machine = machine;
    }

    /**
     * The host serves and the desktop is switched on.
     *
     * @param parameters more for the payload's cmdline
     */
    static Scene open(MachineRoom room, String mac, String parameters) throws IOException, InterruptedException {
        Path disk = room.newDisk("disk.img");
        Host host = room.serve(
                Host.Machine.ofLab(Project.underTest(), room.lab(), "thinkpad"), disk, room.bootWith(parameters));
        return new Scene(room, disk, host, room.switchOnDesktop(mac, "virtio-net-pci"));
    }

    /** Waits for the login prompt, logs in and starts the load. */
    void work() throws IOException, InterruptedException {
        machine.console().await("thinkpad login:", BOOT);
        shell = GuestShell.login(machine.console(), "root", "stiefel");
        load = GuestLoad.start(shell(), machine);
    }

    /** The cable carries nothing from now on, or everything again; neither end sees its carrier go. */
    void setSilent(boolean silent) throws IOException, InterruptedException {
        lab().setTap(MachineRoom.TAP, !silent);
    }

    /** The root file system as its next mount makes it, now that nobody has the disk. */
    RootPartition rootAfterReplay() throws IOException, InterruptedException {
        return RootPartition.of(disk, lab()).replayed(path("copy.img"), lab());
    }

    RootPartition root() throws IOException, InterruptedException {
        return RootPartition.of(disk, lab());
    }

    Lab lab() {
        return room.lab();
    }

    Path path(String name) {
        return room.path(name);
    }

    Host host() {
        return host;
    }

    QemuMachine machine() {
        return machine;
    }

    SerialConsole console() {
        return machine.console();
    }

    GuestShell shell() {
        return Objects.requireNonNull(shell, "nobody has logged in");
    }

    GuestLoad load() {
        return Objects.requireNonNull(load, "the load was not started");
    }

    @Override
    public void close() throws IOException {
        room.close();
    }
}
