package org.stiefelsystem.shell.server;

import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.stiefelsystem.shell.ChildProcess;
import org.stiefelsystem.shell.CommandFailure;
import org.stiefelsystem.shell.NetworkLinks;

/**
 * The IPv6 link-local address of one link, with its scope: what {@code server} listens on, so that the kernel itself keeps
 * other links out. A link that is down is brought up; an address that is still being checked for a double is waited for.
 */
final class LinkAddress {

    // linux/if_addr.h
    private static final int IFA_F_DADFAILED = 0x08;
    private static final int IFA_F_TENTATIVE = 0x40;
    private static final String SCOPE_LINK = "20";

    private static final Path IF_INET6 = Path.of("/proc/net/if_inet6");

    private LinkAddress() {}

    /** Makes sure that it is a link that can be served and that it is up; whether it had to be brought up. */
    static boolean raise(String link) throws InterruptedException {
        if (!NetworkLinks.names().contains(link)) {
            throw CommandFailure.failed(
                    "there is no link " + link,
                    "Links of this machine: " + String.join(", ", NetworkLinks.names()) + ".");
        }
        Set<String> flags = NetworkLinks.flags(link);
        if (!isEthernet(flags)) {
            throw CommandFailure.failed(
                    link + " is no Ethernet link with broadcast and multicast, so no guest can be on it",
                    "Name the link that the cable is in: " + String.join(", ", NetworkLinks.names()) + ".");
        }
        if (flags.contains("UP")) {
            return false;
        }
        ChildProcess.Answer answer = new ChildProcess("ip", "link", "set", link, "up").ask();
        if (answer.code() != 0) {
            throw CommandFailure.failed(
                    link + " is down and cannot be brought up: " + String.join(" ", answer.lines()),
                    "Run this as root, or: sudo ip link set " + link + " up");
        }
        return true;
    }

    static boolean isEthernet(Set<String> flags) {
        return flags.containsAll(Set.of("BROADCAST", "MULTICAST"))
                && !flags.contains("NOARP")
                && !flags.contains("LOOPBACK");
    }

    static void lower(String link) throws InterruptedException {
        new ChildProcess("ip", "link", "set", link, "down").ask();
    }

    /** {@code fe80::…%eth0} of a link that is up, or an error in words when there is none before the deadline. */
    static String of(String link, Duration patience) throws InterruptedException {
        long deadline = System.nanoTime() + patience.toNanos();
        while (true) {
            Optional<Entry> entry = entries().stream()
                    .filter(found -> found.link().equals(link) && found.scope().equals(SCOPE_LINK))
                    .filter(found -> (found.flags() & IFA_F_TENTATIVE) == 0)
                    .findFirst();
            if (entry.isPresent()) {
                return address(entry.get());
            }
            if (System.nanoTime() >= deadline) {
                throw reason(link);
            }
            Thread.sleep(100);
        }
    }

    /** What was asked to be listened on, with its scope; anything but an address of that very link is refused. */
    static String chosen(String bind, String link) {
        String address = onLink(bind, link);
        if (entries().stream()
                .filter(entry -> entry.link().equals(link) && entry.scope().equals(SCOPE_LINK))
                .noneMatch(entry -> address(entry).equals(address))) {
            throw CommandFailure.usage(
                    link + " does not have the address " + address, "Leave --bind out: the link's own is taken then.");
        }
        return address;
    }

    /** The same without a look at the machine's addresses. */
    static String onLink(String bind, String link) {
        int percent = bind.indexOf('%');
        String literal = percent < 0 ? bind : bind.substring(0, percent);
        if (percent < 0 || bind.substring(percent + 1).equals(link)) {
            try {
                if (InetAddress.ofLiteral(literal) instanceof Inet6Address address && address.isLinkLocalAddress()) {
                    return shortened(address) + "%" + link;
                }
            } catch (IllegalArgumentException e) {
                // Not an address at all: said below.
            }
        }
        throw CommandFailure.usage(
                "plain transport cannot listen at `" + bind + "`: it is no IPv6 link-local address of " + link,
                "Leave --bind (stiefel.bind) out: the link's own is taken then.");
    }

    private static CommandFailure reason(String link) throws InterruptedException {
        if (NetworkLinks.flags(link).contains("NO-CARRIER")) {
            return CommandFailure.failed(link + " has no carrier", "Plug the cable in at both ends, then try again.");
        }
        if (read(Path.of("/proc/sys/net/ipv6/conf", link, "disable_ipv6")).equals("1")) {
            return CommandFailure.failed(
                    "IPv6 is switched off on " + link, "Run: sysctl -w net.ipv6.conf." + link + ".disable_ipv6=0");
        }
        if (entries().stream().anyMatch(entry -> entry.link().equals(link) && (entry.flags() & IFA_F_DADFAILED) != 0)) {
            return CommandFailure.failed(
                    "another machine on " + link + " has the same IPv6 address",
                    "Two machines with one MAC address: change one of them.");
        }
        return CommandFailure.failed(
                link + " has no IPv6 link-local address",
                "Run: ip link set " + link + " addrgenmode eui64 && ip link set " + link + " down && ip link set "
                        + link + " up");
    }

    private static List<Entry> entries() {
        try {
            return Files.readAllLines(IF_INET6).stream().map(Entry::parse).toList();
        } catch (IOException e) {
            return List.of();
        }
    }

    private static String address(Entry entry) {
        try {
            InetAddress address = InetAddress.getByAddress(HexFormat.of().parseHex(entry.address()));
            return shortened((Inet6Address) address) + "%" + entry.link();
        } catch (java.net.UnknownHostException e) {
            throw new IllegalStateException(e);
        }
    }

    /** As `ip` writes it: the longest run of zeros left out. Java writes all eight groups. */
    static String shortened(Inet6Address address) {
        String full = address.getHostAddress();
        int scope = full.indexOf('%');
        String groups = scope < 0 ? full : full.substring(0, scope);
        String longest = "";
        for (java.util.regex.Matcher runs = java.util.regex.Pattern.compile("(?<![0-9a-f])0(:0)+(?![0-9a-f])")
                        .matcher(groups);
                runs.find(); ) {
            longest = runs.group().length() > longest.length() ? runs.group() : longest;
        }
        if (longest.isEmpty()) {
            return groups;
        }
        int at = (":" + groups + ":").indexOf(":" + longest + ":");
        String before = groups.substring(0, Math.max(0, at - 1));
        String after = groups.substring(Math.min(groups.length(), at + longest.length() + 1));
        return before + "::" + after;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file).strip();
        } catch (IOException e) {
            // A kernel without IPv6.
            return "";
        }
    }

    /** One line of /proc/net/if_inet6: address, index, prefix length, scope, flags, name. */
    private record Entry(String address, String scope, int flags, String link) {

        static Entry parse(String line) {
            List<String> columns = List.of(line.strip().split("\\s+", -1));
            return new Entry(columns.get(0), columns.get(3), Integer.parseInt(columns.get(4), 16), columns.get(5));
        }
    }
}
