package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.RefusedException;

/**
 * Safety rule 1: never serve what is in use, on devices and with users that are the kernel's own. Loop devices need root
 * and a kernel that has them; LVM, dm-crypt and RAID, which it may lack, are in SafetyRule1Tests.
 */
@NullUnmarked
@Tag("safety-rule-1")
@Timeout(120)
class SafetyRule1IntegrationTests {

    private static final int SIZE = 32 << 20;
    private static final String RULE = "(rule \"never serve what is in use\")";

    @TempDir
    private Path directory;

    private Path image;
    private Path device;

    @BeforeEach
    void attach() throws Exception {
        Tool.require("losetup");
        image = Files.write(directory.resolve("image"), new byte[SIZE]);
        Tool.Result result = Tool.run("losetup", "--find", "--show", image);
        Tool.require(result.status() == 0, "losetup cannot attach: " + result.output());
        device = Path.of(result.output().trim());
    }

    @AfterEach
    void detach() throws Exception {
        if (device != null) {
            Tool.run("losetup", "--detach", device).orFail();
        }
    }

    /** Refused, by the name of the rule and with the way out, for reading as well. */
    private static void assertRefused(Path path, String words, String remedy) {
        for (boolean readOnly : new boolean[] {false, true}) {
            assertThatExceptionOfType(RefusedException.class)
                    .isThrownBy(() -> Export.open("root", path, readOnly).close())
                    .withMessageContaining(words)
                    .withMessageContaining(RULE)
                    .satisfies(refused -> assertThat(refused.remedy()).contains(remedy));
        }
    }

    @Test
    void aFileBehindALoopDeviceIsRefused() {
        assertRefused(image, "it lies behind " + device, "losetup -d " + device);
    }

    @Test
    void aDeviceThatIsServedIsRefusedAndCannotBeMounted() throws Exception {
        Tool.require("mkfs.ext4", "mount");
        Tool.run("mkfs.ext4", "-q", device).orFail();
        try (Export export = Export.open("root", device, false)) {
            assertThat(export.size()).isEqualTo(SIZE);
            assertThatExceptionOfType(RefusedException.class)
                    .isThrownBy(() -> Export.open("again", device, false).close())
                    .withMessageContaining("export root of this server has it")
                    .withMessageContaining(RULE);
            assertThat(Tool.run("mount", device, Files.createDirectory(directory.resolve("no")))
                            .status())
                    .isNotZero();
        }
        Export.open("root", device, false).close();
    }

    @Test
    void aDeviceThatQemuUsesIsRefused() throws Exception {
        Tool.require("qemu-io");
        Process user = new ProcessBuilder("qemu-io", "-f", "raw", device.toString())
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try {
            for (boolean readOnly : new boolean[] {false, true}) {
                await().untilAsserted(() -> assertThatExceptionOfType(RefusedException.class)
                        .isThrownBy(() -> Export.open("root", device, readOnly).close())
                        .withMessageContaining("locked by qemu-io (pid " + user.pid() + ")"));
            }
        } finally {
            user.getOutputStream().close();
            user.destroy();
            user.waitFor();
        }
        try (Export export = Export.open("root", device, true)) {
            assertThat(Tool.run("qemu-io", "-f", "raw", "-c", "write 0 512", device)
                            .output())
                    .contains("lock");
            assertThat(export.readOnly()).isTrue();
        }
    }

    @Test
    void aMountedDeviceIsRefusedByTheNameOfTheDirectory() throws Exception {
        Tool.require("mkfs.ext4", "mount");
        Tool.run("mkfs.ext4", "-q", device).orFail();
        Path mounted = Files.createDirectory(directory.resolve("a b"));
        Tool.Result mount = Tool.run("mount", device, mounted);
        Tool.require(mount.status() == 0, "cannot mount: " + mount.output());
        try {
            assertRefused(device, "is mounted on " + mounted, "umount " + mounted);
        } finally {
            Tool.run("umount", mounted).orFail();
        }
    }

    @Test
    void swapSpaceInUseIsRefused() throws Exception {
        Tool.require("mkswap", "swapon");
        Tool.run("mkswap", device).orFail();
        Tool.Result swapon = Tool.run("swapon", device);
        Tool.require(swapon.status() == 0, "cannot swap: " + swapon.output());
        try {
            assertRefused(device, "swap space in use", "swapoff " + device);
        } finally {
            Tool.run("swapoff", device).orFail();
        }
    }

    @Test
    void aMappedDeviceIsRefusedByTheNameOfTheMapping() throws Exception {
        Tool.require("dmsetup");
        String name = "stiefel-test-" + ProcessHandle.current().pid();
        Tool.Result create = Tool.run("dmsetup", "create", name, "--table", "0 2048 linear %s 0".formatted(device));
        org.junit.jupiter.api.Assumptions.assumeTrue(
                create.status() == 0, "this kernel has no device mapper: " + create.output());
        try {
            assertRefused(device, "mapped by the device mapper as " + name, "dmsetup remove " + name);
        } finally {
            Tool.run("dmsetup", "remove", name).orFail();
        }
    }

    @Test
    void aSwapFileInUseIsRefused() throws Exception {
        Tool.require("mkswap", "swapon");
        Path swap = Files.write(directory.resolve("swap"), new byte[1 << 20]);
        Tool.run("chmod", "600", swap).orFail();
        Tool.run("mkswap", swap).orFail();
        Tool.Result swapon = Tool.run("swapon", swap);
        org.junit.jupiter.api.Assumptions.assumeTrue(
                swapon.status() == 0, "this file system has no swap files: " + swapon.output());
        try {
            assertRefused(swap, "it is a swap file in use", "swapoff " + swap);
        } finally {
            Tool.run("swapoff", swap).orFail();
        }
    }

    @Test
    void aDeviceWithAHibernatedSystemIsRefused() throws Exception {
        try (RandomAccessFile bytes = new RandomAccessFile(device.toFile(), "rw")) {
            bytes.seek(4096 - 10);
            bytes.write("S1SUSPEND".getBytes(StandardCharsets.US_ASCII));
        }
        assertRefused(device, "its system is hibernated", "mkswap");
    }

    /** Whoever holds it with O_EXCL, and be it nobody that has a name here. */
    @Test
    void aDeviceThatAnotherProgramClaimsIsRefused() throws Exception {
        Tool.require("python3");
        Process claims = new ProcessBuilder(
                        "python3",
                        "-c",
                        "import os, sys; os.open(sys.argv[1], os.O_RDWR | os.O_EXCL); print('claimed', flush=True);"
                                + " sys.stdin.read()",
                        device.toString())
                .start();
        try {
            assertThat(claims.inputReader().readLine()).isEqualTo("claimed");
            assertRefused(device, "it is held by python3", "lsblk " + device);
        } finally {
            claims.destroy();
            claims.waitFor();
        }
    }
}
