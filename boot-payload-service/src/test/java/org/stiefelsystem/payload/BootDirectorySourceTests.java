package org.stiefelsystem.payload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BootDirectorySourceTests {

    @TempDir
    Path boot;

    @Test
    void bootSpecIsTheNewestKernelWithItsInitrd() throws IOException {
        write("vmlinuz-6.1.0-9-amd64", "old");
        write("initrd.img-6.1.0-9-amd64", "old initrd");
        write("vmlinuz-6.1.0-10-amd64", "new");
        write("initrd.img-6.1.0-10-amd64", "new initrd");
        write("vmlinuz-6.1.0-99-amd64.dpkg-new", "half a kernel");
        write("vmlinuz-0-rescue-1234", "rescue");
        write("vmlinuz", "a link on some systems");
        write("cmdline", "root=UUID=1 ro\n");
        BootSpec spec = source().bootSpec();
        assertThat(spec.kernel().path()).isEqualTo(boot.resolve("vmlinuz-6.1.0-10-amd64"));
        assertThat(spec.initrd().path()).isEqualTo(boot.resolve("initrd.img-6.1.0-10-amd64"));
        assertThat(spec.cmdline().text()).isEqualTo("root=UUID=1 ro");
        assertThat(spec.kernel().size()).isEqualTo(3);
    }

    @Test
    void bootSpecKnowsTheNamesOfOtherDistributions() throws IOException {
        write("vmlinuz-linux", "arch");
        write("initramfs-linux.img", "arch initrd");
        assertThat(new BootDirectorySource(boot, new Cmdline("ro"))
                        .bootSpec()
                        .initrd()
                        .path())
                .isEqualTo(boot.resolve("initramfs-linux.img"));
    }

    @Test
    void bootSpecAfterAKernelUpgradeIsTheNewOne() throws IOException {
        write("vmlinuz-6.1", "one");
        write("initrd.img-6.1", "one initrd");
        BootDirectorySource source = new BootDirectorySource(boot, new Cmdline("ro"));
        assertThat(source.bootSpec().kernel().path()).hasFileName("vmlinuz-6.1");
        write("vmlinuz-6.2", "two");
        write("initrd.img-6.2", "two initrd");
        assertThat(source.bootSpec().kernel().path()).hasFileName("vmlinuz-6.2");
    }

    @Test
    void aGivenCmdlineIsBeforeTheFile() throws IOException {
        write("vmlinuz-6.1", "one");
        write("initrd.img-6.1", "one initrd");
        write("cmdline", "of the file");
        assertThat(new BootDirectorySource(boot, new Cmdline("given"))
                        .bootSpec()
                        .cmdline()
                        .text())
                .isEqualTo("given");
    }

    @Test
    void aDirectoryWithoutAKernelIsRefused() {
        assertThatThrownBy(() -> source().bootSpec())
                .isInstanceOf(PayloadUnavailable.class)
                .hasMessage("There is no kernel (vmlinuz-*) in " + boot);
    }

    @Test
    void aDirectoryThatIsNotThereIsRefused() {
        assertThatThrownBy(() -> new BootDirectorySource(boot.resolve("nope"), null).bootSpec())
                .isInstanceOf(PayloadUnavailable.class)
                .hasMessageContaining("cannot be read");
    }

    @Test
    void aKernelWithoutAnInitrdIsRefused() throws IOException {
        write("vmlinuz-6.1.0-10-amd64", "kernel");
        write("initrd.img-6.1.0-9-amd64", "of another kernel");
        assertThatThrownBy(() -> source().bootSpec())
                .isInstanceOf(PayloadUnavailable.class)
                .hasMessageContaining("has no initrd beside it (initrd.img-6.1.0-10-amd64)");
    }

    @Test
    void aDirectoryWithoutACmdlineIsRefused() throws IOException {
        write("vmlinuz-6.1", "kernel");
        write("initrd.img-6.1", "initrd");
        assertThatThrownBy(() -> source().bootSpec())
                .isInstanceOf(PayloadUnavailable.class)
                .hasMessageStartingWith("No kernel command line");
    }

    @Test
    void anEmptyKernelIsRefused() throws IOException {
        write("vmlinuz-6.1", "");
        write("initrd.img-6.1", "initrd");
        write("cmdline", "ro");
        assertThatThrownBy(() -> source().bootSpec()).hasMessageEndingWith("is empty");
    }

    private BootDirectorySource source() {
        return new BootDirectorySource(boot, null);
    }

    private void write(String name, String content) throws IOException {
        Files.writeString(boot.resolve(name), content);
    }
}
