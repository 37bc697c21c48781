package org.stiefelsystem.payload;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The newest kernel of a boot directory with the initrd of the same version, by the names that Debian
 * ({@code initrd.img-V}), Fedora and Arch ({@code initramfs-V.img}) and openSUSE ({@code initrd-V}) give them.
 */
public final class BootDirectorySource implements PayloadSource {

    private static final String KERNEL = "vmlinuz-";

    private final Path directory;
    private final @Nullable Cmdline cmdline;
    private final BootFiles files = new BootFiles();

    /**
     * A source that looks into a directory.
     *
     * @param cmdline the command line, or null to take it from the directory's file {@code cmdline}
     */
    public BootDirectorySource(Path directory, @Nullable Cmdline cmdline) {
        this.directory = directory;
        this.cmdline = cmdline;
    }

    @Override
    public BootSpec bootSpec() {
        String version = versions().stream()
                .max(KernelVersion.ORDER)
                .orElseThrow(() -> new PayloadUnavailable(
                        "There is no kernel (" + KERNEL + "*) in " + directory,
                        "Name the directory that holds the served system's kernel, or give"
                                + " --kernel, --initrd and --cmdline."));
        Path kernel = directory.resolve(KERNEL + version);
        Path initrd = initrd(version)
                .orElseThrow(() -> new PayloadUnavailable(
                        "The kernel " + kernel + " has no initrd beside it (initrd.img-" + version + ")",
                        "Make it on that system (Debian: update-initramfs -c -k " + version
                                + "), or give --kernel, --initrd and --cmdline."));
        return new BootSpec(files.of("kernel", kernel), files.of("initrd", initrd), effectiveCmdline());
    }

    private List<String> versions() {
        List<String> versions = new ArrayList<>();
        try (DirectoryStream<Path> kernels = Files.newDirectoryStream(directory, KERNEL + "*")) {
            for (Path kernel : kernels) {
                String version = kernel.getFileName().toString().substring(KERNEL.length());
                boolean leftOver = version.endsWith(".old") || version.contains(".dpkg-") || version.contains("rescue");
                if (!leftOver && !version.isEmpty()) {
                    versions.add(version);
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            throw new PayloadUnavailable(
                    "The boot directory " + directory + " cannot be read: " + e, "Name one that is there.");
        }
        return versions;
    }

    private Optional<Path> initrd(String version) {
        return List.of("initrd.img-" + version, "initramfs-" + version + ".img", "initrd-" + version).stream()
                .map(directory::resolve)
                .filter(Files::exists)
                .findFirst();
    }

    private Cmdline effectiveCmdline() {
        if (cmdline != null) {
            return cmdline;
        }
        Path file = directory.resolve("cmdline");
        try {
            return new Cmdline(Files.readString(file));
        } catch (NoSuchFileException e) {
            throw new PayloadUnavailable(
                    "No kernel command line: there is no file " + file,
                    "Give --cmdline \"root=UUID=... ro\" (what /proc/cmdline says on that system), or write that file.");
        } catch (IOException e) {
            throw new PayloadUnavailable("The command line in " + file + " cannot be read: " + e, "Give --cmdline.");
        }
    }
}
