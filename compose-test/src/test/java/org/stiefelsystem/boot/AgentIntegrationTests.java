package org.stiefelsystem.boot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.stiefelsystem.shell.demo.Lab;
import org.stiefelsystem.shell.demo.SerialConsole;

/** What the agent does when hosts are absent, lie, or go away: it says so, searches on, and boots only what is whole. */
@ExtendWith(ShowsConsoles.class)
class AgentIntegrationTests implements ShowsConsoles.Source {

    private static final Duration STEP = Duration.ofMinutes(2);

    private final Project project = Project.underTest();
    private @Nullable MachineRoom room;

    @Test
    void refusesWhatIsNotWholeAndBootsWhatIs() throws Exception {
        MachineRoom machines = MachineRoom.open(project);
        room = machines;
        Lab net = machines.lab();
        Path liarsDisk = machines.newDisk("liar.img");
        Path honestDisk = machines.newDisk("honest.img");
        Path forgedBoot = machines.path("boot");
        net.run("cp", "-a", machines.boot().toString(), forgedBoot.toString());

        // With the cable plugged in and nobody at its other end.
        SerialConsole console =
                machines.switchOnDesktop("52:54:00:57:1e:03", "e1000").console();
        console.await("stiefel: looking for a host on", STEP);
        console.await("stiefel: no host has answered", STEP);

        // A host whose kernel is not the one that it promised.
        machines.serve(Host.Machine.ofLab(project, net, "liar"), liarsDisk, forgedBoot);
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
        Host second = machines.serve(secondMachine, honestDisk, machines.boot());
        console.await("stiefel: fetching the initrd of honest", STEP);
        console.await(Pattern.compile("initrd: [1-9][0-9]*\\.[0-9] MB"), STEP);
        second.close();
        // What the guest sees of it depends on whether the dying machine could still close its connection.
        console.await(
                Pattern.compile("error: .*(went away in the middle of the initrd|sent nothing for 10 seconds)"), STEP);
        console.await("stiefel: searching on", STEP);

        // It comes back; the agent finds it beside the liar and starts its kernel, and no other.
        net.run("tc", "qdisc", "del", "dev", "desktop0", "root");
        machines.serve(secondMachine, honestDisk, machines.boot());
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
