package org.stiefelsystem.nbd.server;

import org.jspecify.annotations.Nullable;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.PeerAddress;

/** What the handshake led to. Holds the export's lease for one connection until it is closed. */
record Negotiated(Export export, PeerAddress peer, @Nullable String bootId) implements AutoCloseable {

    @Override
    public void close() {
        export.lease().release(bootId);
    }
}
