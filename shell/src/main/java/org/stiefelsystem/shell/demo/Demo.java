package org.stiefelsystem.shell.demo;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.shell.CommandFailure;

/** One host and one virtual desktop on a cable: everything real but the metal. */
final class Demo implements AutoCloseable {

    static final String HOST = "thinkpad";

    /** What a desktop needs at the least; the real ones have more. */
    private static final int MEMORY_MIB = 768;

    private static final String TAP = "desktop0";
    private static final String CARD = "virtio-net-pci";
    private static final String MAC = "52:54:00:57:1e:01";
    private static final Duration CARD_OUT = Duration.ofSeconds(30);

    /** Under TCG on a loaded machine; a boot takes a quarter of it. */
    private static final Duration BOOT = Duration.ofMinutes(6);

    private static final Duration SHUTDOWN = Duration.ofMinutes(3);

    private final Lab lab;
    private final Parts parts;
    private final Path directory;
    private final Path disk;
    private ServerProcess server;
    private final QemuMachine desktop;
    private final long switchedOn;
    private int slot;

    private Demo(Lab lab, Parts parts, Path disk, ServerProcess server, QemuMachine desktop, long switchedOn) {
        this.lab = lab;
        this.parts = parts;
        this.directory = parts.directory();
        this.disk = disk;
        this.server = server;
        this.desktop = desktop;
        this.switchedOn = switchedOn;
    }

    /**
     * Where the parts are.
     *
     * @param directory state of this demo: the disk's copy, logs, sockets
     * @param image StiefelOS: {@code kernel} and {@code base.initrd}
     * @param disk the demo's Debian: {@code disk.img} and {@code boot/}
     */
    record Parts(Path launcher, Path directory, Path image, Path disk, Path cache) {}

    /** Makes the lab, serves the disk and switches the desktop on. */
    static Demo start(Parts parts, PrintWriter output) throws IOException, InterruptedException {
        Files.createDirectories(parts.directory());
        Lab lab = Lab.here();
        lab.addTap(TAP);
        Path disk = parts.directory().resolve("disk.img");
        lab.run(
                "cp",
                "--sparse=always",
                "--reflink=auto",
                parts.disk().resolve("disk.img").toString(),
                disk.toString());
        output.println("laptop  | serves a copy of the demo's disk as " + HOST + "; its log is "
                + parts.directory().resolve("server.log"));
        output.flush();
        ServerProcess server = startServer(lab, parts, disk);
        Path kernel = parts.image().resolve("kernel");
        String accelerator = Accelerator.find(kernel, parts.cache());
        output.println("desktop | QEMU, " + accelerator + ", " + MEMORY_MIB + " MiB, no disk, one network cable");
        output.flush();
        long switchedOn = System.nanoTime();
        QemuMachine desktop = QemuMachine.start(
                lab,
                parts.directory(),
                "desktop",
                new QemuMachine.Hardware(
                        accelerator,
                        MEMORY_MIB,
                        2,
                        kernel,
                        parts.image().resolve("base.initrd"),
                        "console=tty0 console=ttyS0 quiet stiefel.transport=plain",
                        List.of(new QemuMachine.Nic(TAP, MAC, CARD))));
        return new Demo(lab, parts, disk, server, desktop, switchedOn);
    }

    private static ServerProcess startServer(Lab lab, Parts parts, Path disk) throws IOException, InterruptedException {
        Path log = parts.directory().resolve("server.log");
        try {
            return ServerProcess.start(
                    lab.process(List.of(
                            parts.launcher().toString(),
                            "server",
                            "--disk",
                            disk.toString(),
                            "--boot-dir",
                            parts.disk().resolve("boot").toString(),
                            "--name",
                            HOST,
                            "--transport",
                            "plain",
                            "--link",
                            Lab.LINK)),
                    log);
        } catch (IOException e) {
            throw CommandFailure.failed(
                    "the host's services did not start: " + e.getMessage(), "The whole log is in " + log + ".");
        }
    }

    /** Shows the desktop's console until somebody could log in. Answers the seconds since it was switched on. */
    double awaitLogin(PrintWriter output) throws InterruptedException {
        Lines lines = new Lines(output);
        desktop.console().listen(lines::accept);
        try {
            desktop.console().await(HOST + " login:", BOOT);
        } catch (SerialConsole.ConsoleException e) {
            throw CommandFailure.failed(
                    "the desktop did not come up to the login prompt: "
                            + String.valueOf(e.getMessage()).lines().findFirst().orElse(""),
                    "Its console is above; the host's log is " + directory.resolve("server.log") + ".");
        } finally {
            desktop.console().listen(bytes -> {});
            lines.finish();
        }
        return (System.nanoTime() - switchedOn) / 1e9;
    }

    SerialConsole console() {
        return desktop.console();
    }

    boolean isRunning() {
        return desktop.isAlive();
    }

    /** What a person can do to the cable between the two machines. */
    enum Cable {
        /** Pulled out: the desktop sees it. */
        OUT,
        /** Plugged in, and carries everything. */
        IN,
        /** Plugged in, and carries nothing: nobody sees it. */
        SILENT
    }

    void set(Cable cable) throws IOException, InterruptedException {
        desktop.setCable(cable != Cable.OUT);
        lab.setTap(TAP, cable != Cable.SILENT);
    }

    /** The laptop's services are killed as in a crash, and started again. */
    void killServices() throws IOException, InterruptedException {
        server.close();
        server = startServer(lab, parts, disk);
    }

    /** The desktop's network card is pulled out and plugged into the other slot. */
    void replugCard() throws IOException, InterruptedException {
        // There is none when it could not be plugged in the last time.
        if (desktop.hasCard()) {
            desktop.unplugCard(CARD_OUT);
        }
        desktop.plugCard(CARD, MAC, 1 - slot);
        slot = 1 - slot;
    }

    /** Shuts the desktop's system down in order, ends the services and checks the disk. */
    void shutDown(PrintWriter output) throws IOException, InterruptedException {
        if (desktop.isAlive()) {
            output.println("desktop | shutting down");
            output.flush();
            desktop.pressPowerButton();
            if (!desktop.awaitEnd(SHUTDOWN)) {
                throw CommandFailure.failed(
                        "the desktop did not shut down within " + SHUTDOWN.toSeconds() + " s",
                        "Its console: " + directory.resolve("desktop.console.log"));
            }
        }
        if (!server.stop()) {
            throw CommandFailure.failed(
                    "the host's services did not end when they were asked to",
                    "Their log is " + directory.resolve("server.log") + ".");
        }
        output.println("laptop  | " + checkedDisk());
        output.flush();
    }

    /** What the file system of the root partition says of itself, now that nobody uses it. */
    private String checkedDisk() throws IOException, InterruptedException {
        RootPartition root = RootPartition.of(disk, lab);
        String answer =
                root.check(lab).lines().reduce((first, second) -> second).orElse("");
        return "the disk is free again, its root file system is clean (" + answer + ")";
    }

    @Override
    public void close() throws IOException {
        Files.writeString(
                directory.resolve("desktop.console.log"), desktop.console().transcript());
        desktop.close();
        server.close();
    }

    /** Prints what the machine prints line by line, each marked as the desktop's. */
    private static final class Lines {

        private final PrintWriter output;
        private final StringBuilder line = new StringBuilder();

        Lines(PrintWriter output) {
            this.output = output;
        }

        synchronized void accept(byte[] bytes) {
            for (char c : new String(bytes, StandardCharsets.UTF_8).toCharArray()) {
                if (c == '\n') {
                    print();
                } else if (c != '\r') {
                    line.append(c);
                }
            }
        }

        synchronized void finish() {
            if (!line.isEmpty()) {
                print();
            }
        }

        private void print() {
            output.println("desktop | " + line);
            output.flush();
            line.setLength(0);
        }
    }

    /** For a demo that was not started. */
    static CommandFailure notRunning(@Nullable Demo demo) {
        return CommandFailure.failed(
                demo == null ? "no demo is running here" : "the demo's desktop is switched off",
                "Start one with `stiefelctl demo`.");
    }
}
