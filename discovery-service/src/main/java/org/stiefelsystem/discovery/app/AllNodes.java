package org.stiefelsystem.discovery.app;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.UnknownHostException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.stiefelsystem.discovery.NetworkLink;

/**
 * The membership of one socket in ff02::1. The kernel is in that group on every link by itself, but the JDK clears
 * IPV6_MULTICAST_ALL on its sockets, which then hear only groups that they joined.
 */
class AllNodes {

    private static final Logger log = LoggerFactory.getLogger(AllNodes.class);
    private static final InetSocketAddress GROUP = new InetSocketAddress(group(), 0);

    private final DatagramSocket socket;
    private final Map<Integer, NetworkInterface> joined = new HashMap<>();
    private final Set<Integer> refused = new HashSet<>();

    AllNodes(DatagramSocket socket) {
        this.socket = socket;
    }

    /** Joins on links that are new and leaves those that are gone; an interface made anew has a new index. */
    void follow(List<NetworkLink> links) {
        Set<Integer> here = new HashSet<>();
        for (NetworkLink link : links) {
            here.add(link.index());
            if (link.up() && !joined.containsKey(link.index())) {
                join(link);
            }
        }
        refused.retainAll(here);
        for (Integer index : List.copyOf(joined.keySet())) {
            if (!here.contains(index)) {
                leave(index);
            }
        }
    }

    private void join(NetworkLink link) {
        try {
            NetworkInterface device = NetworkInterface.getByIndex(link.index());
            if (device == null) {
                return;
            }
            socket.joinGroup(GROUP, device);
            joined.put(link.index(), device);
            refused.remove(link.index());
            log.info("Listening for guests on {}", link.name());
        } catch (IOException e) {
            // Tried again at the next look: an interface that is just coming up, or one without IPv6.
            if (refused.add(link.index())) {
                log.info("No IPv6 multicast on {}: {}", link.name(), e.getMessage());
            }
        }
    }

    private void leave(int index) {
        NetworkInterface device = joined.remove(index);
        if (device == null) {
            return;
        }
        try {
            socket.leaveGroup(GROUP, device);
        } catch (IOException e) {
            log.debug("Leaving a link that is gone: {}", e.getMessage());
        }
        log.info("{} is gone", device.getName());
    }

    private static InetAddress group() {
        try {
            return InetAddress.getByName("ff02::1");
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e);
        }
    }
}
