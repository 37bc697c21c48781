package org.stiefelsystem.payload;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** Finds the process that holds a port, for the message that says so. Needs root to see other users' processes. */
public final class SocketOwner {

    private SocketOwner() {}

    /**
     * The holder of a port.
     *
     * @param protocol {@code tcp} or {@code udp}
     * @return for example {@code socat (pid 4711)}
     */
    public static Optional<String> of(String protocol, int port) {
        Set<String> inodes = new HashSet<>();
        for (String table : List.of(protocol, protocol + "6")) {
            inodes.addAll(inodes(Path.of("/proc/net", table), port));
        }
        return inodes.isEmpty() ? Optional.empty() : holder(inodes);
    }

    private static Set<String> inodes(Path table, int port) {
        String localPort = String.format(Locale.ROOT, ":%04X", port);
        Set<String> inodes = new HashSet<>();
        try {
            for (String line : Files.readAllLines(table)) {
                // proc_net_tcp: sl, local_address, rem_address, st, queues, timer, retransmits, uid, timeout, inode
                List<String> fields = List.of(line.strip().split("\\s+"));
                boolean bound = fields.size() > 9 && fields.get(1).endsWith(localPort);
                // 0A: listening; 07: an unconnected datagram socket
                if (bound && (fields.get(3).equals("0A") || fields.get(3).equals("07"))) {
                    inodes.add("socket:[" + fields.get(9) + "]");
                }
            }
        } catch (IOException e) {
            return Set.of();
        }
        return inodes;
    }

    private static Optional<String> holder(Set<String> sockets) {
        try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
            for (Path process : processes) {
                if (holdsOne(process, sockets)) {
                    String name = Files.readString(process.resolve("comm")).strip();
                    return Optional.of(name + " (pid " + process.getFileName() + ")");
                }
            }
        } catch (IOException e) {
            // Not findable then.
        }
        return Optional.empty();
    }

    private static boolean holdsOne(Path process, Set<String> sockets) {
        try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(process.resolve("fd"))) {
            for (Path descriptor : descriptors) {
                if (sockets.contains(Files.readSymbolicLink(descriptor).toString())) {
                    return true;
                }
            }
        } catch (IOException | java.nio.file.DirectoryIteratorException e) {
            // Another user's process, or one that has just ended.
        }
        return false;
    }
}
