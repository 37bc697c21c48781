package org.stiefelsystem.boot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.stiefelsystem.shell.demo.Accelerator;
import org.stiefelsystem.shell.demo.Lab;
import org.stiefelsystem.shell.demo.QemuMachine;
import org.stiefelsystem.shell.demo.SerialConsole;

/** What the agent does when hosts are absent, lie, or go away: it says so, searches on, and boots only what is whole. */
@ExtendWith(ShowsConsoles.class)
class AgentIntegrationTests implements ShowsConsoles.Source {

    private static final Duration STEP = Duration.ofMinutes(2);

    private final Project project = Project.underTest();
    private @Nullable Path directory;
    private @Nullable Lab lab;
    private @Nullable Host liar;
    private @Nullable Host honest;
    private @Nullable QemuMachine desktop;

    @Test
    void refusesWhatIsNotWholeAndBootsWhatIs() throws Exception {
        Project.requires("root", Project.isRoot());
        Project.requires("qemu-system-x86_64", Project.hasProgram("qemu-system-x86_64"));
        Path image = project.image();
        Path demo = project.demoDisk();
        project.buildLauncher();
        Path work = Files.createTempDirectory("stiefel-agent-");
        directory = work;
        Lab net = Lab.isolated();
        lab = net;
        net.addTap("desktop0");
        for (String disk : List.of("liar.img", "honest.img")) {
            net.run(
                    "cp",
                    "--sparse=always",
                    demo.resolve("disk.img").toString(),
                    work.resolve(disk).toString());
        }
        Path forgedBoot = work.resolve("boot");
        net.run("cp", "-a", demo.resolve("boot").toString(), forgedBoot.toString());
        Path kernel = image.resolve("kernel");

        // With the cable plugged in and nobody at its other end.
        QemuMachine machine = QemuMachine.start(
                net,
                work,
                "desktop",
                new QemuMachine.Hardware(
                        Accelerator.find(kernel, project.var().resolve("cache")),
                        768,
                        2,
                        kernel,
                        image.resolve("base.initrd"),
                        "console=ttyS0 quiet stiefel.transport=plain",
                        List.of(new QemuMachine.Nic("desktop0", "52:54:00:57:1e:03", "e1000"))));
        desktop = machine;
        SerialConsole console = machine.console();
        console.await("stiefel: looking for a host on", STEP);
        console.await("stiefel: no host has answered", STEP);

        // A host whose kernel is not the one that it promised.
        liar = Host.serve(Host.Machine.ofLab(project, net, "liar"), work, work.resolve("liar.img"), forgedBoot);
        forgeKernel(forgedBoot);
        console.await("stiefel: fetching the kernel of liar", STEP);
        console.await("the kernel's SHA-256 is not the promised one", STEP);
        console.await("stiefel: searching on", STEP);

        // A second host beside it, on a slow cable, which goes away in the middle of its initrd.
        net.run(
                "tc",
                "qdisc",
                "add",
                "dev",
                "desktop0",
                "root",
                "tbf",
                "rate",
                "30mbit",
                "burst",
                "64kb",
                "latency",
                "200ms");
        Host.Machine secondMachine = Host.Machine.beside(project, net, "honest");
        Host second = Host.serve(secondMachine, work, work.resolve("honest.img"), demo.resolve("boot"));
        honest = second;
        console.await("stiefel: fetching the initrd of honest", STEP);
        console.await(Pattern.compile("initrd: [1-9][0-9]*\\.[0-9] MB"), STEP);
        second.kill();
        // What the guest sees of it depends on whether the dying machine could still close its connection.
        console.await(
                Pattern.compile("error: .*(went away in the middle of the initrd|sent nothing for 10 seconds)"), STEP);
        console.await("stiefel: searching on", STEP);

        // It comes back; the agent finds it beside the liar and starts its kernel, and no other.
        net.run("tc", "qdisc", "del", "dev", "desktop0", "root");
        honest = Host.serve(secondMachine, work, work.resolve("honest.img"), demo.resolve("boot"));
        console.await("stiefel: kernel and initrd verified", STEP);
        console.await("stiefel: starting the kernel of honest", STEP);
        console.await("stiefel: /dev/nbd0 is honest's disk", STEP);
        assertThat(console.transcript()).doesNotContain("starting the kernel of liar");
    }

    /** One bit of the kernel, behind the back of a host that has computed its hash: size and time stay the same. */
    private static void forgeKernel(Path boot) throws IOException {
        try (Stream<Path> files = Files.list(boot)) {
            Path kernel = files.filter(file -> file.getFileName().toString().startsWith("vmlinuz-"))
                    .findFirst()
                    .orElseThrow();
            FileTime time = Files.getLastModifiedTime(kernel);
            try (RandomAccessFile file = new RandomAccessFile(kernel.toFile(), "rw")) {
                file.seek(file.length() / 2);
                int octet = file.read();
                file.seek(file.length() / 2);
                file.write(octet ^ 1);
            }
            Files.setLastModifiedTime(kernel, time);
        }
    }

    @AfterEach
    void tearDown() throws Exception {
        QemuMachine machine = desktop;
        if (machine != null) {
            machine.close();
        }
        for (Host host : new @Nullable Host[] {liar, honest}) {
            if (host != null) {
                host.close();
            }
        }
        Lab net = lab;
        if (net != null) {
            net.close();
        }
        Path work = directory;
        if (work != null) {
            Files.deleteIfExists(work.resolve("liar.img"));
            Files.deleteIfExists(work.resolve("honest.img"));
        }
    }

    @Override
    public String consoles() throws IOException {
        QemuMachine machine = desktop;
        StringBuilder all = new StringBuilder("---- the desktop's console\n")
                .append(machine == null ? "(never on)" : machine.console().transcript());
        for (Host host : new @Nullable Host[] {liar, honest}) {
            all.append("\n---- a host's log\n").append(host == null ? "(never started)" : host.log());
        }
        return all.toString();
    }
}
