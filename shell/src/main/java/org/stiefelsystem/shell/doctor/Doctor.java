package org.stiefelsystem.shell.doctor;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.springframework.stereotype.Component;
import org.stiefelsystem.shell.Checkout;
import org.stiefelsystem.shell.ListeningSockets;
import org.stiefelsystem.shell.NetworkLinks;
import org.stiefelsystem.shell.Settings;
import org.stiefelsystem.shell.setup.Setup;

/** All checks, in the order in which a boot would trip over them. Each only looks. */
@Component
class Doctor {

    private static final long GIB = 1L << 30;

    /** The project did not exist before; a clock that says so breaks apt's signatures and, later, WireGuard. */
    private static final Instant TOO_EARLY =
            LocalDate.of(2026, 11, 1).atStartOfDay().toInstant(ZoneOffset.UTC);

    private final Checkout checkout;
    private final Settings settings;

    Doctor(Checkout checkout, Settings settings) {
        this.checkout = checkout;
        this.settings = settings;
    }

    List<Check> examine() throws InterruptedException {
        List<Check> checks = new ArrayList<>();
        checks.add(jdk());
        checks.add(architecture());
        checks.add(tools());
        checks.add(root());
        checks.add(namespaces());
        checks.add(file("tap devices", "/dev/net/tun", "the demo's network needs them", "modprobe tun"));
        checks.add(ipv6());
        checks.add(wireguard());
        checks.add(kexec());
        checks.add(firmware());
        checks.add(accelerator());
        checks.add(memory());
        checks.add(disk());
        checks.add(clock());
        checks.add(links());
        checks.addAll(ports());
        return checks;
    }

    private static Check jdk() {
        Runtime.Version version = Runtime.version();
        return version.feature() >= 25
                ? Check.ok("JDK", version.toString())
                : Check.fail("JDK", version.toString(), "Install openjdk-25-jdk-headless or temurin-25-jdk.");
    }

    private static Check architecture() {
        String name = System.getProperty("os.arch");
        return name.equals("amd64")
                ? Check.ok("processor", name)
                : Check.fail("processor", name, "StiefelOS is built for amd64 only; arm64 is not supported yet.");
    }

    private static Check tools() {
        String missing = Setup.missingPackages();
        return missing.isEmpty()
                ? Check.ok("tools", "all are here")
                : Check.fail("tools", "missing: " + missing, "Run `stiefelctl setup --yes`.");
    }

    private static Check root() {
        return "root".equals(System.getProperty("user.name"))
                ? Check.ok("rights", "root")
                : Check.warn("rights", "not root", "`demo`, `server` and block devices need sudo.");
    }

    private static Check namespaces() {
        return Stream.of("net", "pid", "mnt").allMatch(name -> Files.exists(Path.of("/proc/self/ns", name)))
                ? Check.ok("namespaces", "net, pid and mnt")
                : Check.fail("namespaces", "this kernel lacks some", "Boot a kernel with network and pid namespaces.");
    }

    private static Check file(String name, String path, String why, String remedy) {
        return Files.exists(Path.of(path))
                ? Check.ok(name, path)
                : Check.fail(name, path + " is missing; " + why, "Run: " + remedy);
    }

    private static Check ipv6() {
        if (!Files.exists(Path.of("/proc/net/if_inet6"))) {
            return Check.fail("IPv6", "this kernel has none", "Boot without ipv6.disable=1.");
        }
        return read("/proc/sys/net/ipv6/conf/default/disable_ipv6").equals("1")
                ? Check.fail(
                        "IPv6",
                        "switched off for new links",
                        "Run: sysctl -w net.ipv6.conf.default.disable_ipv6=0 net.ipv6.conf.all.disable_ipv6=0")
                : Check.ok("IPv6", "link-local addresses");
    }

    private static Check wireguard() {
        if (Files.exists(Path.of("/sys/module/wireguard")) || hasModule("wireguard.ko")) {
            return Check.ok("WireGuard", "in this kernel");
        }
        return Check.warn(
                "WireGuard", "not in this kernel", "Not needed with --transport plain; wireguard-go will serve later.");
    }

    private static Check kexec() {
        if (!Files.exists(Path.of("/sys/kernel/kexec_loaded"))) {
            return Check.warn("kexec", "not in this kernel", "Guests boot nevertheless; only `--reboot` will need it.");
        }
        String lockdown = read("/sys/kernel/security/lockdown");
        return lockdown.contains("[integrity]") || lockdown.contains("[confidentiality]")
                ? Check.warn(
                        "kexec", "locked down by Secure Boot", "Only kernels signed for this machine can be started.")
                : Check.ok("kexec", "allowed");
    }

    private static Check firmware() {
        boolean efi = Files.exists(Path.of("/sys/firmware/efi"));
        return Check.ok("firmware", efi ? "UEFI" : "BIOS or a virtual machine's");
    }

    private static Check accelerator() {
        return Files.isReadable(Path.of("/dev/kvm"))
                ? Check.ok("virtual machines", "/dev/kvm is here; the demo tries it")
                : Check.warn("virtual machines", "no /dev/kvm", "The demo emulates the desktop: slower, and it works.");
    }

    private static Check memory() {
        long available = lines("/proc/meminfo").stream()
                .filter(line -> line.startsWith("MemAvailable:"))
                .map(line -> line.replaceAll("\\D", ""))
                .mapToLong(kibibytes -> Long.parseLong(kibibytes) << 10)
                .findFirst()
                .orElse(0);
        String words = gibibytes(available) + " free";
        return available >= 3 * GIB / 2
                ? Check.ok("memory", words)
                : Check.warn("memory", words, "The demo's desktop takes 768 MB; close something.");
    }

    private Check disk() {
        Path place = checkout.var();
        while (!Files.exists(place) && place.getParent() != null) {
            place = place.getParent();
        }
        try {
            FileStore store = Files.getFileStore(place);
            long free = store.getUsableSpace();
            String words = gibibytes(free) + " free in " + checkout.var();
            if (free >= 8 * GIB) {
                return Check.ok("disk", words);
            }
            return free >= 4 * GIB
                    ? Check.warn("disk", words, "The demo and the tests take about 8 GiB; set STIEFEL_VAR elsewhere.")
                    : Check.fail("disk", words, "The demo takes about 4 GiB; free some, or set STIEFEL_VAR elsewhere.");
        } catch (IOException e) {
            return Check.fail("disk", place + " cannot be looked at", "Set STIEFEL_VAR to a directory of yours.");
        }
    }

    private static Check clock() {
        Instant now = Instant.now();
        return now.isBefore(TOO_EARLY)
                ? Check.fail("clock", now + " is in the past", "Set it, for example: timedatectl set-ntp true")
                : Check.ok("clock", now.toString());
    }

    private static Check links() throws InterruptedException {
        List<String> up = new ArrayList<>();
        for (String link : NetworkLinks.names()) {
            if (NetworkLinks.flags(link).contains("LOWER_UP")) {
                up.add(link);
            }
        }
        return up.isEmpty()
                ? Check.warn("links", "no network link is up", "Plug in the cable before `server`.")
                : Check.ok("links", String.join(", ", up));
    }

    private List<Check> ports() {
        return Stream.of(
                        port("udp", "stiefel.discovery.port"),
                        port("tcp", "stiefel.discovery.state-port"),
                        port("tcp", "stiefel.payload.port"),
                        port("tcp", "stiefel.export.port"),
                        port("tcp", "stiefel.discovery.admin-port"),
                        port("tcp", "stiefel.payload.admin-port"),
                        port("tcp", "stiefel.export.admin-port"),
                        port("tcp", "stiefel.discovery.actuator-port"),
                        port("tcp", "stiefel.payload.actuator-port"),
                        port("tcp", "stiefel.export.actuator-port"))
                .flatMap(Optional::stream)
                .toList();
    }

    private Optional<Check> port(String protocol, String setting) {
        int port = settings.port(setting);
        String name = "port " + port + "/" + protocol;
        return ListeningSockets.ownerOf(protocol, port)
                .map(owner -> owner.startsWith("java ")
                        ? Check.ok(name, "in use by " + owner)
                        : Check.fail(name, "in use by " + owner, "End it, or use --set " + setting + "=N."));
    }

    private static boolean hasModule(String file) {
        Path modules = Path.of("/lib/modules", read("/proc/sys/kernel/osrelease"));
        return lines(modules.resolve("modules.dep").toString()).stream().anyMatch(line -> line.contains("/" + file))
                || lines(modules.resolve("modules.builtin").toString()).stream()
                        .anyMatch(line -> line.endsWith("/" + file));
    }

    private static String gibibytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f GiB", (double) bytes / GIB);
    }

    private static String read(String path) {
        return String.join("\n", lines(path)).strip();
    }

    private static List<String> lines(String path) {
        try {
            return Files.readAllLines(Path.of(path));
        } catch (IOException e) {
            // Not there: as good as empty for a look.
            return List.of();
        }
    }
}
