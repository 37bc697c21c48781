package org.stiefelsystem.boot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.stiefelsystem.shell.demo.Lab;
import org.stiefelsystem.shell.demo.RootPartition;
import org.stiefelsystem.shell.demo.SerialConsole;

/** Two foreign clients that are systems: Linux's own NBD client with file systems on it, and QEMU, which boots from an export. */
@ExtendWith(ShowsConsoles.class)
class KernelClientIntegrationTests implements ShowsConsoles.Source {

    private static final int PORT = 10811;
    private static final int BYTES = 256 << 20;

    /** Random writes, cuts, holes and reads of one file, each compared with what it must hold, also read from the disk anew. */
    private static final String EXERCISER = """
            use strict; use warnings; use Fcntl ":seek"; use IO::Handle;
            my ($path, $operations, $seed) = @ARGV; srand $seed;
            open my $file, "+>", $path or die; my ($most, $wanted) = (1 << 20, "");
            for my $n (1 .. $operations) {
              my ($what, $at, $length) = (int rand 6, int rand $most, 1 + int rand 65536);
              $length = $most - $at if $at + $length > $most;
              if ($what <= 1) {
                my $data = chr(1 + int rand 255) x $length;
                $wanted .= "\\0" x ($at - length $wanted) if length $wanted < $at;
                substr($wanted, $at, $length) = $data;
                sysseek $file, $at, SEEK_SET or die; syswrite($file, $data) == $length or die "write: $!";
              } elsif ($what == 2) {
                truncate $file, $at or die "truncate: $!";
                $wanted = length $wanted > $at ? substr($wanted, 0, $at) : $wanted . "\\0" x ($at - length $wanted);
              } elsif ($what == 3 && $at + $length <= length $wanted) {
                # fallocate(2), FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
                syscall(285, fileno $file, 3, $at, $length) == 0 or die "punch: $!";
                substr($wanted, $at, $length) = "\\0" x $length;
              } elsif ($what == 4 && $n %% 7 == 0) {
                $file->sync or die "sync: $!";
                open my $drop, ">", "/proc/sys/vm/drop_caches" or die; print $drop 1; close $drop;
              }
              if ($n %% 5 == 0) {
                my $got = ""; sysseek $file, 0, SEEK_SET;
                while (sysread $file, my $piece, 1 << 20) { $got .= $piece }
                $got eq $wanted or die "operation $n of seed $seed: the file is not what it must be";
              }
            }
            print "well\\n";
            """.formatted();

    private static final String BOOT_FROM_EXPORT = """
            exec qemu-system-x86_64 -accel tcg,thread=multi -cpu max -m 768 -smp 2 -nodefaults -display none -no-reboot \\
              -kernel "$0"/vmlinuz* -initrd "$0"/initrd* -append "$(cat "$0/cmdline") console=ttyS0" \\
              -chardev "socket,id=console,server=on,wait=on,path=$1" -serial chardev:console -device virtio-rng-pci \\
              -drive file=nbd://127.0.0.1:%d/root,format=raw,if=virtio,cache=none,discard=unmap
            """.formatted(PORT);

    private @Nullable MachineRoom room;

    @ParameterizedTest
    @ValueSource(ints = {512, 4096})
    void aFileSystemLivesOnBlocksOf(int blockBytes) throws Exception {
        MachineRoom machines = MachineRoom.open(Project.underTest());
        room = machines;
        // It ends with the room, when its consoles are no longer wanted.
        Scene scene = Scene.open(machines, "52:54:00:57:1e:0c", "");
        scene.console().await("thinkpad login:", Scene.BOOT);
        GuestShell shell = GuestShell.login(scene.console(), "root", "stiefel");
        shell.run("cp /run/initramfs/shutdown /root/keeper");
        shell.write("/root/exerciser", EXERCISER);
        Path image = scene.path("data.img");
        scene.lab().run("truncate", "--size=" + BYTES, image.toString());
        if (blockBytes == 512) {
            makeAndUse(scene, shell, image, blockBytes);
            return;
        }
        try (LoopDevice large = new LoopDevice(image, blockBytes)) {
            makeAndUse(scene, shell, large.path, blockBytes);
        }
    }

    /** The machine's firmware, so to speak, is QEMU: it loads the kernel, and the disk is the export. */
    @Test
    void aMachineBootsStraightFromAnExport() throws Exception {
        MachineRoom machines = MachineRoom.open(Project.underTest());
        room = machines;
        Lab lab = machines.lab();
        Path disk = machines.newDisk("disk.img");
        Project project = Project.underTest();
        Process export = Host.Machine.ofLab(project, lab, "thinkpad")
                .stiefelctl(machines.path("run"), "export", disk.toString(), "--name", "root", "--port", "" + PORT)
                .start();
        assertThat(export.inputReader().readLine()).startsWith("ready nbd://127.0.0.1:" + PORT + "/root");
        Path serial = machines.path("serial");
        Process machine = lab.process(
                        List.of("sh", "-c", BOOT_FROM_EXPORT, machines.boot().toString(), serial.toString()))
                .redirectErrorStream(true)
                .redirectOutput(machines.path("qemu.log").toFile())
                .start();
        String written;
        try {
            while (!Files.exists(serial)) {
                assertThat(machine.waitFor(20, TimeUnit.MILLISECONDS)).isFalse();
            }
            try (SerialConsole console = SerialConsole.connect(serial)) {
                console.await("thinkpad login:", Scene.BOOT);
                GuestShell shell = GuestShell.login(console, "root", "stiefel");
                assertThat(shell.run("findmnt -no SOURCE /")).startsWith("/dev/vda");
                written = shell.run(
                                "dd if=/dev/urandom of=/root/written bs=1M count=16 conv=fsync status=none;"
                                        + " sha256sum /root/written",
                                Scene.STEP)
                        .substring(0, 64);
                console.send("systemctl poweroff");
                assertThat(machine.waitFor(2, TimeUnit.MINUTES)).isTrue();
            }
        } finally {
            machine.descendants().forEach(ProcessHandle::destroyForcibly);
        }
        export.descendants().forEach(ProcessHandle::destroy);
        export.waitFor();
        RootPartition root = RootPartition.of(disk, lab);
        assertThat(root.check(lab)).contains("Pass 5");
        assertThat(root.sha256("/root/written", lab)).isEqualTo(written);
    }

    private void makeAndUse(Scene scene, GuestShell shell, Path disk, int blockBytes) throws Exception {
        Path image = scene.path("data.img");
        Process export = scene.host()
                .stiefelctl("export", disk.toString(), "--name", "data", "--bind", address(scene), "--port", "" + PORT)
                .start();
        assertThat(export.inputReader().readLine()).startsWith("ready nbd://");
        shell.run("/root/keeper --host $(sed 's/.*stiefel.host=\\([^ ]*\\).*/\\1/' /proc/cmdline) --link stiefellink"
                + " --name tester --port " + PORT + " --export data --boot-id " + "f".repeat(32)
                + " --device 1 --shutdown-port 61572");
        assertThat(shell.run("cat /sys/block/nbd1/queue/logical_block_size")).isEqualTo("" + blockBytes);
        assertThat(shell.run("blockdev --getsize64 /dev/nbd1")).isEqualTo("" + BYTES);

        Duration minutes = Duration.ofMinutes(5);
        assertThat(shell.run(
                        "cd /tmp && fio --name=raw --filename=/dev/nbd1 --direct=1 --size=32m --bs=64k --rw=randtrimwrite"
                                + " --output-format=terse >/dev/null && fio --name=verified --filename=/dev/nbd1 --direct=1"
                                + " --size=32m --rw=randwrite --bsrange=4k-64k --verify=crc32c --verify_fatal=1 2>&1"
                                + " | grep -o 'err= *[0-9]*'",
                        minutes))
                .isEqualTo("err= 0");
        shell.run("mkfs.ext4 -q -F /dev/nbd1 && mkdir -p /mnt/data && mount -o discard /dev/nbd1 /mnt/data", minutes);
        assertThat(shell.run("perl /root/exerciser /mnt/data/exercised 400 " + System.nanoTime(), minutes))
                .isEqualTo("well");
        shell.run("dd if=/dev/urandom of=/mnt/data/gone bs=1M count=64 conv=fsync status=none", minutes);
        long allocated = allocated(scene);
        assertThat(allocated).isGreaterThan(64 << 20);
        assertThat(shell.run("rm /mnt/data/gone && sync && fstrim -v /mnt/data", minutes))
                .contains("trimmed");
        assertThat(allocated(scene)).as("fstrim gives the image's space back").isLessThan(allocated - (32 << 20));
        shell.run("cp /mnt/data/exercised /root/exercised && umount /mnt/data", minutes);
        assertThat(shell.run("e2fsck -fn /dev/nbd1", minutes)).contains("Pass 5");
        assertThat(shell.run("dmesg | grep -E 'I/O error.* dev nbd1|EXT4-fs (error|warning)' || true"))
                .isEmpty();
        String exercised = shell.run("sha256sum /root/exercised").substring(0, 64);
        export.descendants().forEach(ProcessHandle::destroy);
        export.waitFor();

        RootPartition data = new RootPartition(image, 0);
        assertThat(data.check(scene.lab())).contains("Pass 5");
        assertThat(data.sha256("/exercised", scene.lab())).isEqualTo(exercised);
    }

    private static long allocated(Scene scene) throws IOException, InterruptedException {
        return 512
                * Long.parseLong(scene.lab()
                        .run("stat", "--format=%b", scene.path("data.img").toString())
                        .strip());
    }

    private static String address(Scene scene) throws IOException, InterruptedException {
        return scene.host().status().path("server").path("address").asString();
    }

    /** A file as a block device whose blocks are so large; it lets go of it when the test ends. */
    private static final class LoopDevice implements Closeable {

        private final Path path;

        LoopDevice(Path file, int blockBytes) throws IOException {
            Process losetup = new ProcessBuilder(
                            "losetup", "--find", "--show", "--sector-size=" + blockBytes, file.toString())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            String device = losetup.inputReader().readLine();
            if (device == null) {
                throw new IOException("losetup made no device");
            }
            path = Path.of(device);
        }

        @Override
        public void close() throws IOException {
            try {
                new ProcessBuilder("losetup", "--detach", path.toString())
                        .inheritIO()
                        .start()
                        .waitFor();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
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
