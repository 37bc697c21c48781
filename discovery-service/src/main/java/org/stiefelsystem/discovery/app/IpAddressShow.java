package org.stiefelsystem.discovery.app;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.discovery.NetworkLink;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What {@code ip -j -d address show} tells of all links. Not /sys: in a network namespace it may show another one's
 * interfaces. Not {@link java.net.NetworkInterface}: it knows none that has no address.
 */
final class IpAddressShow {

    private static final JsonMapper MAPPER = new JsonMapper();

    private IpAddressShow() {}

    static List<NetworkLink> links() {
        try {
            return parse(IpCommand.run("-j", "-d", "address", "show"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Fields that are not known are passed over, and so is what is not described as a link or an address is. */
    static List<NetworkLink> parse(String json) throws IOException {
        JsonNode devices;
        try {
            devices = MAPPER.readTree(json);
        } catch (JacksonException e) {
            throw new IOException("`ip` did not print JSON: " + e.getOriginalMessage(), e);
        }
        if (!devices.isArray()) {
            throw new IOException("`ip` did not print a list of links");
        }
        List<NetworkLink> links = new ArrayList<>();
        for (JsonNode device : devices) {
            String name = device.path("ifname").asString("");
            int index = device.path("ifindex").asInt(0);
            if (!name.isEmpty() && index > 0) {
                links.add(new NetworkLink(
                        name,
                        index,
                        flags(device.path("flags")),
                        orNull(device.path("address")),
                        device.path("mtu").asInt(0),
                        orNull(device.path("linkinfo").path("info_kind")),
                        addresses(device.path("addr_info"))));
            }
        }
        return List.copyOf(links);
    }

    private static Set<String> flags(JsonNode names) {
        Set<String> flags = new HashSet<>();
        names.forEach(name -> flags.add(name.asString("")));
        return Set.copyOf(flags);
    }

    private static List<NetworkLink.Address> addresses(JsonNode infos) {
        List<NetworkLink.Address> addresses = new ArrayList<>();
        for (JsonNode info : infos) {
            try {
                addresses.add(new NetworkLink.Address(
                        InetAddress.ofLiteral(info.path("local").asString("")),
                        info.path("prefixlen").asInt(0),
                        info.path("scope").asString(""),
                        info.path("tentative").asBoolean(false),
                        info.path("dadfailed").asBoolean(false)));
            } catch (IllegalArgumentException e) {
                // Of a family that is none of ours, or only a peer's.
            }
        }
        return List.copyOf(addresses);
    }

    private static @Nullable String orNull(JsonNode text) {
        return text.isString() ? text.asString() : null;
    }
}
