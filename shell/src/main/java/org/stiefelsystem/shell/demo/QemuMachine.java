package org.stiefelsystem.shell.demo;

import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A virtual desktop: QEMU with a kernel and an initrd, NICs on a {@link Lab}'s bridge, a serial console, and no disk. */
public final class QemuMachine implements Closeable {

    /** The longest path that fits into a UNIX socket's address. */
    private static final int SOCKET_PATH = 107;

    private static final Duration START = Duration.ofSeconds(30);

    /** PCI Express slots into which a card can be plugged while the machine runs. */
    private static final int SLOTS = 2;

    private static final JsonMapper JSON = new JsonMapper();

    private final Process process;
    private final SerialConsole console;
    private final SerialConsole reports;
    private final Path monitor;

    private QemuMachine(Process process, SerialConsole console, SerialConsole reports, Path monitor) {
        this.process = process;
        this.console = console;
        this.reports = reports;
        this.monitor = monitor;
    }

    /**
     * What a machine is made of.
     *
     * @param accelerator {@code tcg}, or {@code kvm} where {@link Accelerator} found that it works
     * @param nics at least one; the first is in the first slot that cards can be pulled out of
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
        Path second = directory.resolve(name + ".reports");
        Path monitor = directory.resolve(name + ".qmp");
        Path messages = directory.resolve(name + ".qemu.log");
        for (Path socket : List.of(serial, second, monitor)) {
            if (socket.toString().length() > SOCKET_PATH) {
                throw new IOException("the path of the socket " + socket + " is longer than " + SOCKET_PATH + " bytes");
            }
            Files.deleteIfExists(socket);
        }
        Process process = lab.process(commandLine(hardware, serial, second, monitor))
                .redirectErrorStream(true)
                .redirectOutput(messages.toFile())
                .start();
        try {
            // QEMU opens them one after the other, each when the one before was connected to.
            awaitSocket(serial, process, messages);
            SerialConsole console = SerialConsole.connect(serial);
            awaitSocket(second, process, messages);
            return new QemuMachine(process, console, SerialConsole.connect(second), monitor);
        } catch (IOException | InterruptedException e) {
            process.destroyForcibly();
            throw e;
        }
    }

    private static List<String> commandLine(Hardware hardware, Path serial, Path second, Path monitor) {
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
                "-machine",
                "q35",
                "-nodefaults",
                "-no-user-config",
                "-display",
                "none",
                "-no-reboot",
                "-chardev",
                "socket,id=console,server=on,wait=on,path=" + serial,
                "-serial",
                "chardev:console",
                "-chardev",
                "socket,id=reports,server=on,wait=on,path=" + second,
                "-serial",
                "chardev:reports",
                "-qmp",
                "unix:" + monitor + ",server=on,wait=off",
                "-device",
                "virtio-rng-pci",
                "-device",
                "qemu-xhci,id=usb",
                "-kernel",
                hardware.kernel().toString(),
                "-initrd",
                hardware.initrd().toString(),
                "-append",
                hardware.cmdline()));
        for (int i = 0; i < SLOTS; i++) {
            words.addAll(List.of("-device", "pcie-root-port,id=slot" + i + ",chassis=" + i + ",slot=" + i));
        }
        for (int i = 0; i < hardware.nics().size(); i++) {
            Nic nic = hardware.nics().get(i);
            words.addAll(List.of(
                    "-netdev",
                    "tap,id=net" + i + ",ifname=" + nic.tap() + ",script=no,downscript=no",
                    "-device",
                    nic.model() + ",netdev=net" + i + ",id=nic" + i + ",mac=" + nic.mac()
                            + (i == 0 ? ",bus=slot0" : "")));
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

    /** The second serial port, {@code /dev/ttyS1} in the machine. */
    public SerialConsole reports() {
        return reports;
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

    /** Pulls the cable out of the first card, or plugs it in: the machine sees its carrier go and come. */
    public void setCable(boolean pluggedIn) throws IOException {
        monitor("set_link", Map.of("name", "nic0", "up", pluggedIn));
    }

    /** Pulls the first card out of its slot, and returns when it is out. */
    public void unplugCard(Duration deadline) throws IOException, InterruptedException {
        monitor("device_del", Map.of("id", "nic0"));
        long end = System.nanoTime() + deadline.toNanos();
        while (hasCard()) {
            if (System.nanoTime() > end) {
                throw new IOException("the machine did not let go of its card within " + deadline.toSeconds() + " s");
            }
            process.waitFor(20, TimeUnit.MILLISECONDS);
        }
    }

    public boolean hasCard() throws IOException {
        return monitor("qom-list", Map.of("path", "/machine/peripheral"))
                .findValuesAsString("name")
                .contains("nic0");
    }

    /**
     * Plugs a card in whose cable is the first one's.
     *
     * @param slot 0 is where the first card was, 1 is free
     */
    public void plugCard(String model, String mac, int slot) throws IOException {
        plugCard(model, mac, "net0", "slot" + slot);
    }

    /**
     * Lays a cable for a card that is plugged in later. QEMU does not give a cable on which a virtio card was to another
     * kind of card in order: it keeps the virtio card's headers.
     */
    public void addCable(String tap) throws IOException {
        monitor("netdev_add", Map.of("type", "tap", "id", tap, "ifname", tap, "script", "no", "downscript", "no"));
    }

    /** Plugs a USB network card in, with a cable of {@link #addCable}. */
    public void plugUsbCard(String tap, String mac) throws IOException {
        plugCard("usb-net", mac, tap, "usb.0");
    }

    private void plugCard(String model, String mac, String cable, String bus) throws IOException {
        monitor("device_add", Map.of("driver", model, "id", "nic0", "netdev", cable, "mac", mac, "bus", bus));
    }

    private void monitor(String command) throws IOException {
        monitor(command, Map.of());
    }

    /** One command to QEMU's monitor (QMP), and what it returned. */
    private JsonNode monitor(String command, Map<String, Object> arguments) throws IOException {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(monitor));
            BufferedReader lines = new BufferedReader(Channels.newReader(channel, StandardCharsets.UTF_8));
            lines.readLine();
            ask(channel, lines, "qmp_capabilities", Map.of());
            return ask(channel, lines, command, arguments);
        }
    }

    private static JsonNode ask(
            SocketChannel channel, BufferedReader lines, String command, Map<String, Object> arguments)
            throws IOException {
        String question = JSON.writeValueAsString(Map.of("execute", command, "arguments", arguments));
        channel.write(ByteBuffer.wrap((question + "\n").getBytes(StandardCharsets.UTF_8)));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonNode answer = JSON.readTree(line);
            if (answer.has("error")) {
                throw new IOException("QEMU's monitor refused " + question + ": "
                        + answer.path("error").path("desc").asString());
            }
            // Events come in between.
            if (answer.has("return")) {
                return answer.path("return");
            }
        }
        throw new IOException("QEMU's monitor closed at " + question);
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
        reports.close();
    }
}
