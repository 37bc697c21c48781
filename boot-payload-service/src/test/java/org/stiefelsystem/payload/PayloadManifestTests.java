package org.stiefelsystem.payload;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class PayloadManifestTests {

    @Test
    void linesAreTheContractsInTheContractsOrder() {
        BootSpec spec = new BootSpec(
                new BootFile(Path.of("k"), 8_200_000, "a".repeat(64)),
                new BootFile(Path.of("i"), 6_000_000_000L, "b".repeat(64)),
                new Cmdline("root=UUID=1 ro \"quiet\" x=100%s"));
        PayloadManifest manifest = PayloadManifest.of(
                spec,
                new PayloadManifest.Terms("thinkpad", "direct", "root", 10809),
                new BootId("00112233445566778899aabbccddeeff"));
        assertThat(manifest.lines())
                .isEqualTo("name=thinkpad\n"
                        + "kernel.size=8200000\n"
                        + "kernel.sha256=" + "a".repeat(64) + "\n"
                        + "initrd.size=6000000000\n"
                        + "initrd.sha256=" + "b".repeat(64) + "\n"
                        + "cmdline=root=UUID=1 ro \"quiet\" x=100%s\n"
                        + "mode=direct\n"
                        + "export=root\n"
                        + "boot-id=00112233445566778899aabbccddeeff\n"
                        + "nbd-port=10809\n");
    }
}
