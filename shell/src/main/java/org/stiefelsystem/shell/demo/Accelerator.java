package org.stiefelsystem.shell.demo;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/**
 * Finds out whether QEMU may use KVM here, by booting a kernel with it: there are machines with a /dev/kvm that runs no
 * ordinary kernel.
 */
public final class Accelerator {

    private static final int TRIAL_SECONDS = 15;

    private Accelerator() {}

    /**
     * Tries KVM once on this machine and remembers the answer.
     *
     * @param cache a directory for the answer, which holds for as long as this machine runs this kernel
     * @return {@code kvm} or {@code tcg}, QEMU's names
     */
    public static String find(Path kernel, Path cache) throws IOException, InterruptedException {
        if (!Files.isWritable(Path.of("/dev/kvm"))) {
            return "tcg";
        }
        String machine = Files.readString(Path.of("/proc/sys/kernel/osrelease")).strip();
        Path answer = cache.resolve("accelerator-" + machine);
        if (Files.exists(answer)) {
            return Files.readString(answer).strip();
        }
        String found = boots(kernel) ? "kvm" : "tcg";
        Files.createDirectories(cache);
        Files.writeString(answer, found + "\n");
        return found;
    }

    /** A kernel that has no root and says so has come all the way. */
    private static boolean boots(Path kernel) throws IOException, InterruptedException {
        Process trial = new ProcessBuilder(
                        "qemu-system-x86_64",
                        "-accel",
                        "kvm",
                        "-cpu",
                        "host",
                        "-m",
                        "512",
                        "-nodefaults",
                        "-display",
                        "none",
                        "-no-reboot",
                        "-serial",
                        "stdio",
                        "-kernel",
                        kernel.toString(),
                        "-append",
                        "console=ttyS0 panic=-1")
                .redirectInput(Path.of("/dev/null").toFile())
                .redirectErrorStream(true)
                .start();
        try {
            Thread clock = Thread.ofVirtual().start(() -> {
                try {
                    if (!trial.waitFor(TRIAL_SECONDS, TimeUnit.SECONDS)) {
                        trial.destroyForcibly();
                    }
                } catch (InterruptedException e) {
                    trial.destroyForcibly();
                }
            });
            String output = new String(trial.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
            clock.join();
            return output.contains("Unable to mount root fs");
        } finally {
            trial.destroyForcibly();
        }
    }
}
