package org.stiefelsystem.discovery;

import java.net.InetAddress;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The sender of a datagram.
 *
 * @param link the name of the interface that its datagram came in on, or null when that cannot be told
 */
public record Peer(InetAddress address, @Nullable String link) {

    /** The interface that the datagram came in on, if it can be told. */
    public Optional<String> knownLink() {
        return Optional.ofNullable(link);
    }
}
