package org.stiefelsystem.shell.setup;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** One thing that a command of ours runs: what for, how its presence is seen, and the Debian package that brings it. */
record Requirement(String program, String packageName, String purpose, Set<Need> neededBy) {

    /** Root's directories too: a plain user's PATH lacks them, and setup says the same to both. */
    private static final List<String> SYSTEM_DIRECTORIES = List.of("/usr/sbin", "/sbin", "/usr/bin", "/bin");

    /** Who needs it; {@code TEST} needs what the demo needs, too. */
    enum Need {
        DEMO,
        TEST
    }

    /** The one table of all of them. */
    static List<Requirement> all() {
        return List.of(
                both("qemu-system-x86_64", "qemu-system-x86", "the virtual desktop"),
                both("mmdebstrap", "mmdebstrap", "the demo's Debian disk"),
                both("mke2fs", "e2fsprogs", "file systems of the demo's disk"),
                both("sfdisk", "fdisk", "partitions of the demo's disk"),
                both("cpio", "cpio", "initrds"),
                both("zstd", "zstd", "compressed initrds"),
                both("xz", "xz-utils", "compressed kernel modules"),
                both("depmod", "kmod", "module lists of StiefelOS"),
                both("ip", "iproute2", "the network between host and guest"),
                both("unshare", "util-linux", "a network of the demo's own"),
                both("ps", "procps", "looking after child processes"),
                both("busybox", "busybox-static", "the user land of StiefelOS"),
                both("socat", "socat", "the guest's discovery"),
                both("kexec", "kexec-tools", "the guest's change of kernels"),
                both("nbd-client", "nbd-client", "the guest's disk"),
                test("mvn", "maven", "the build"),
                test("wg", "wireguard-tools", "the encrypted link"),
                test("qemu-img", "qemu-utils", "a foreign NBD client"),
                test("nbdkit", "nbdkit", "a foreign NBD server"),
                test("nbdinfo", "libnbd-bin", "foreign NBD clients"),
                test("fio", "fio", "verified writes"),
                test("shellcheck", "shellcheck", "checks of the shell scripts"),
                test("bats", "bats", "tests of the shell scripts"),
                test("curl", "curl", "a foreign HTTP client"),
                test("dockerd", "docker.io", "the containers of compose-test"),
                test("docker-compose", "docker-compose", "the containers of compose-test"),
                test("prometheus", "prometheus", "the metrics of compose-test"));
    }

    private static Requirement both(String program, String packageName, String purpose) {
        return new Requirement(program, packageName, purpose, Set.of(Need.DEMO, Need.TEST));
    }

    private static Requirement test(String program, String packageName, String purpose) {
        return new Requirement(program, packageName, purpose, Set.of(Need.TEST));
    }

    static List<Requirement> missing(Need need) {
        return all().stream()
                .filter(requirement -> requirement.neededBy().contains(need) && !requirement.isPresent())
                .toList();
    }

    boolean isPresent() {
        String path = System.getenv().getOrDefault("PATH", "");
        boolean found = Stream.concat(List.of(path.split(":", -1)).stream(), SYSTEM_DIRECTORIES.stream())
                .filter(directory -> !directory.isEmpty())
                .anyMatch(directory -> Files.isExecutable(Path.of(directory, program)));
        // Debian's small busybox has the same name and links to libraries that StiefelOS does not carry.
        return found && (!packageName.equals("busybox-static") || !isDebian() || isInstalled());
    }

    private static boolean isDebian() {
        return Files.exists(Path.of("/var/lib/dpkg/status"));
    }

    private boolean isInstalled() {
        try (Stream<String> lines =
                Files.lines(Path.of("/var/lib/dpkg/status"), java.nio.charset.StandardCharsets.ISO_8859_1)) {
            List<String> following = lines.dropWhile(line -> !line.equals("Package: " + packageName))
                    .limit(2)
                    .toList();
            return following.size() == 2 && following.get(1).equals("Status: install ok installed");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
