package org.stiefelsystem.shell.demo;

import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A virtual desktop: QEMU with a kernel and an initrd, NICs on a {@link Lab}'s bridge, a serial console, and no disk. */
public final class QemuMachine implements Closeable {

    /** The longest path that fits into a UNIX socket's address. */
    private static final int SOCKET_PATH = 107;

    private static final Duration START = Duration.ofSeconds(30);

    private final Process process;
    private final SerialConsole console;
    private final Path monitor;

    private QemuMachine(Process process, SerialConsole console, Path monitor) {
        this.process = process;
        this.console = console;
        this.monitor = monitor;
    }

    /**
     * What a machine is made of.
     *
     * @param accelerator {@code tcg}, or {@code kvm} where {@link Accelerator} found that it works
     * @param nics at least one
     */
    public record Hardware(
            String accelerator, int memoryMiB, int cpus, Path kernel, Path initrd, String cmdline, List<Nic> nics) {}

    /**
     * A network card.
     *
     * @param tap the interface of the lab that it is plugged into
     * @param model QEMU's name, for example {@code virtio-net-pci} or {@code e1000}
     */
    public record Nic(String tap, String mac, String model) {}

    /**
     * Switches a machine on.
     *
     * @param directory where its sockets and QEMU's own messages go; short, since a socket's path is limited to 107 bytes
     */
    public static QemuMachine start(Lab lab, Path directory, String name, Hardware hardware)
            throws IOException, InterruptedException {
        Path serial = directory.resolve(name + ".serial");
        Path monitor = directory.resolve(name + ".qmp");
        Path messages = directory.resolve(name + ".qemu.log");
        if (serial.toString().length() > SOCKET_PATH) {
            throw new IOException("the path of the socket " + serial + " is longer than " + SOCKET_PATH + " bytes");
        }
        Files.deleteIfExists(serial);
        Files.deleteIfExists(monitor);
        Process process = lab.process(commandLine(hardware, serial, monitor))
                .redirectErrorStream(true)
                .redirectOutput(messages.toFile())
                .start();
        try {
            awaitSocket(serial, process, messages);
            return new QemuMachine(process, SerialConsole.connect(serial), monitor);
        } catch (IOException | InterruptedException e) {
            process.destroyForcibly();
            throw e;
        }
    }

    private static List<String> commandLine(Hardware hardware, Path serial, Path monitor) {
        List<String> words = new ArrayList<>(List.of(
                "qemu-system-x86_64",
                "-accel",
                hardware.accelerator().equals("tcg") ? "tcg,thread=multi" : hardware.accelerator(),
                "-cpu",
                hardware.accelerator().equals("tcg") ? "max" : "host",
                "-m",
                Integer.toString(hardware.memoryMiB()),
                "-smp",
                Integer.toString(hardware.cpus()),
                "-nodefaults",
                "-no-user-config",
                "-display",
                "none",
                "-no-reboot",
                "-chardev",
                "socket,id=console,server=on,wait=on,path=" + serial,
                "-serial",
                "chardev:console",
                "-qmp",
                "unix:" + monitor + ",server=on,wait=off",
                "-device",
                "virtio-rng-pci",
                "-kernel",
                hardware.kernel().toString(),
                "-initrd",
                hardware.initrd().toString(),
                "-append",
                hardware.cmdline()));
        for (int i = 0; i < hardware.nics().size(); i++) {
            Nic nic = hardware.nics().get(i);
            words.addAll(List.of(
                    "-netdev",
                    "tap,id=net" + i + ",ifname=" + nic.tap() + ",script=no,downscript=no",
                    "-device",
                    nic.model() + ",netdev=net" + i + ",id=nic" + i + ",mac=" + nic.mac()));
        }
        return words;
    }

    private static void awaitSocket(Path socket, Process process, Path messages)
            throws IOException, InterruptedException {
        long deadline = System.nanoTime() + START.toNanos();
        while (!Files.exists(socket)) {
            if (process.waitFor(20, TimeUnit.MILLISECONDS)) {
                throw new IOException("QEMU ended at once with " + process.exitValue() + ": "
                        + Files.readString(messages).strip());
            }
            if (System.nanoTime() > deadline) {
                throw new IOException("QEMU did not open its console within " + START.toSeconds() + " s");
            }
        }
    }

    public SerialConsole console() {
        return console;
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** Waits for the machine to switch itself off. */
    public boolean awaitEnd(Duration deadline) throws InterruptedException {
        return process.waitFor(deadline.toMillis(), TimeUnit.MILLISECONDS);
    }

    /** Presses the power button; the system in the machine shuts itself down in its own time. */
    public void pressPowerButton() throws IOException {
        monitor("system_powerdown");
    }

    /** One command without arguments to QEMU's monitor (QMP). */
    private void monitor(String command) throws IOException {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(monitor));
            for (String line : List.of("qmp_capabilities", command)) {
                channel.write(
                        ByteBuffer.wrap(("{\"execute\":\"" + line + "\"}\n").getBytes(StandardCharsets.US_ASCII)));
                // The greeting or the answer to the line before; QEMU reads no further command until it is taken.
                channel.read(ByteBuffer.allocate(4096));
            }
        }
    }

    /** Pulls the plug. */
    @Override
    public void close() throws IOException {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        try {
            process.waitFor(10, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        console.close();
    }
}
