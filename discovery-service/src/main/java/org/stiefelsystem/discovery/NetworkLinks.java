package org.stiefelsystem.discovery;

import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Supplier;

/** The machine's network interfaces, looked at again with every {@link #refresh}. */
public final class NetworkLinks {

    private final Supplier<List<NetworkLink>> source;
    private final Clock clock;
    private volatile List<Seen> seen = List.of();

    /**
     * An interface and since when it is in the state that it is in.
     *
     * @param since when that was first seen; the service's own start, if it was so from the beginning
     */
    public record Seen(NetworkLink link, Instant since) {

        boolean isLike(NetworkLink other) {
            return link.index() == other.index() && link.state() == other.state();
        }
    }

    public NetworkLinks(Supplier<List<NetworkLink>> source, Clock clock) {
        this.source = source;
        this.clock = clock;
        refresh();
    }

    public List<NetworkLink> refresh() {
        List<NetworkLink> links = source.get();
        List<Seen> before = seen;
        Instant now = clock.instant();
        seen = links.stream()
                .map(link -> new Seen(
                        link,
                        before.stream()
                                .filter(known -> known.isLike(link))
                                .map(Seen::since)
                                .findFirst()
                                .orElse(now)))
                .toList();
        return links;
    }

    public List<Seen> seen() {
        return seen;
    }

    public List<NetworkLink> all() {
        return seen.stream().map(Seen::link).toList();
    }

    public Optional<NetworkLink> named(String name) {
        return all().stream().filter(link -> link.name().equals(name)).findFirst();
    }

    /**
     * The link that a datagram of this sender came in on. A link-local sender carries its scope, which the kernel wrote.
     * Any other is taken to be on the link whose subnet holds it; where that is more than one, nothing is said.
     */
    public Optional<NetworkLink> linkOf(InetAddress sender) {
        List<NetworkLink> links = all();
        if (sender instanceof Inet6Address six && six.getScopeId() != 0) {
            return links.stream()
                    .filter(link -> link.index() == six.getScopeId())
                    .findFirst();
        }
        if (sender.isLinkLocalAddress() && sender instanceof Inet6Address) {
            return Optional.empty();
        }
        List<NetworkLink> holders =
                links.stream().filter(link -> link.up() && link.holds(sender)).toList();
        return holders.size() == 1 ? Optional.of(holders.getFirst()) : Optional.empty();
    }

    /** The link's speed in bytes per second, where its driver knows one. */
    public static OptionalLong speed(NetworkLink link) {
        Path sys = Path.of("/sys/class/net", link.name());
        try {
            // In a network namespace of its own a process may still see the outer namespace's /sys.
            if (!readLine(sys.resolve("ifindex")).equals(Integer.toString(link.index()))
                    || !readLine(sys.resolve("address")).equals(link.mac())) {
                return OptionalLong.empty();
            }
            long megabits = Long.parseLong(readLine(sys.resolve("speed")));
            return megabits > 0 ? OptionalLong.of(megabits * 1_000_000 / 8) : OptionalLong.empty();
        } catch (IOException | NumberFormatException e) {
            return OptionalLong.empty();
        }
    }

    private static String readLine(Path file) throws IOException {
        return Files.readString(file).strip();
    }
}
