package org.stiefelsystem.nbd.export;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Safety rule 1, where this kernel may lack what uses a disk: the words for what lies above it. That it is refused is
 * O_EXCL's doing, for all kinds alike (SafetyRule1IntegrationTests).
 */
@NullUnmarked
@Tag("safety-rule-1")
class SafetyRule1Tests {

    private static final Path DISK = Path.of("/dev/sda");

    @TempDir
    private Path holders;

    /** As the kernel tells it below /sys/dev/block/8:2/holders. */
    private RefusedException heldBy(String holder, String name, String uuid) throws IOException {
        Path mapper = Files.createDirectories(holders.resolve(holder).resolve("dm"));
        Files.writeString(mapper.resolve("name"), name + "\n");
        Files.writeString(mapper.resolve("uuid"), uuid + "\n");
        return DiskUsers.heldByMapping(DISK, "/dev/sda2", holders.resolve(holder));
    }

    private static void assertSays(RefusedException refused, String what, String remedy) {
        assertThat(refused.what()).isEqualTo("/dev/sda is not served: %s (%s).".formatted(what, DiskOpener.RULE));
        assertThat(refused.remedy()).startsWith(remedy);
    }

    @Test
    void anActiveLvmVolumeIsNamed() throws IOException {
        assertSays(
                heldBy("dm-0", "vg-root", "LVM-yqQ7vYxW"),
                "/dev/sda2 belongs to the active LVM volume vg-root",
                "Deactivate its volume group: vgchange -an");
    }

    @Test
    void anOpenDmCryptIsNamed() throws IOException {
        assertSays(
                heldBy("dm-1", "luks-home", "CRYPT-LUKS2-0123-luks-home"),
                "/dev/sda2 is open for dm-crypt as luks-home",
                "Close it: cryptsetup close luks-home");
    }

    @Test
    void anyOtherMappingIsNamed() throws IOException {
        assertSays(
                heldBy("dm-2", "mpatha", "mpath-36001405"),
                "/dev/sda2 is mapped by the device mapper as mpatha",
                "Remove the mapping: dmsetup remove mpatha");
    }

    @Test
    void aRaidIsNamed() throws IOException {
        Files.createDirectory(holders.resolve("md127"));
        assertSays(
                DiskUsers.heldByMapping(DISK, "/dev/sda2", holders.resolve("md127")),
                "/dev/sda2 is part of the RAID /dev/md127",
                "Stop it: mdadm --stop /dev/md127");
    }
}
