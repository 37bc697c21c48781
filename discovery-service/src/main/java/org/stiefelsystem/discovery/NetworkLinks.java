package org.stiefelsystem.discovery;

import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InterfaceAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** The machine's network interfaces, looked at again with every {@link #refresh}. */
public final class NetworkLinks {

    private final Supplier<List<NetworkLink>> source;
    private volatile List<NetworkLink> links;

    public NetworkLinks() {
        this(NetworkLinks::ofThisMachine);
    }

    NetworkLinks(Supplier<List<NetworkLink>> source) {
        this.source = source;
        this.links = source.get();
    }

    public List<NetworkLink> refresh() {
        links = source.get();
        return links;
    }

    public List<NetworkLink> all() {
        return links;
    }

    public Optional<NetworkLink> named(String name) {
        return links.stream().filter(link -> link.name().equals(name)).findFirst();
    }

    /**
     * The link that a datagram of this sender came in on. A link-local sender carries its scope, which the kernel wrote.
     * Any other is taken to be on the link whose subnet holds it; where that is more than one, nothing is said.
     */
    public Optional<NetworkLink> linkOf(InetAddress sender) {
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
            if (!readLine(sys.resolve("ifindex")).equals(Integer.toString(link.index()))) {
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

    private static List<NetworkLink> ofThisMachine() {
        Map<String, NetworkLink> found = new LinkedHashMap<>();
        try {
            // Java lists only interfaces that have an address; the kernel's list has the others, too.
            for (String line : Files.readAllLines(Path.of("/proc/net/dev"))) {
                int colon = line.indexOf(':');
                if (colon > 0) {
                    String name = line.substring(0, colon).strip();
                    found.put(name, new NetworkLink(name, 0, false, List.of()));
                }
            }
        } catch (IOException e) {
            // Then only those with an address are known, and only those can be talked to.
        }
        try {
            NetworkInterface.networkInterfaces()
                    .flatMap(device -> Stream.concat(Stream.of(device), device.subInterfaces()))
                    .forEach(device -> found.put(device.getName(), describe(device)));
        } catch (SocketException e) {
            // No interface at all has an address.
        }
        return List.copyOf(found.values());
    }

    private static NetworkLink describe(NetworkInterface device) {
        List<NetworkLink.Subnet> subnets = new ArrayList<>();
        for (InterfaceAddress address : device.getInterfaceAddresses()) {
            subnets.add(new NetworkLink.Subnet(address.getAddress(), address.getNetworkPrefixLength()));
        }
        return new NetworkLink(device.getName(), device.getIndex(), isUp(device), List.copyOf(subnets));
    }

    private static boolean isUp(NetworkInterface device) {
        try {
            return device.isUp();
        } catch (SocketException e) {
            // It went away while we looked.
            return false;
        }
    }
}
