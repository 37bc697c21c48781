package org.stiefelsystem.nbd.server;

import org.jspecify.annotations.Nullable;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Leases;
import org.stiefelsystem.nbd.export.Session;

/**
 * What the handshake led to: the session has the export until {@link #end}.
 *
 * @param bootId of a guest; null for a tool
 */
record Negotiated(Export export, @Nullable String bootId, Leases leases, Session session) {

    /** Lets go of the export; {@code inOrder} when the client said NBD_CMD_DISC. */
    void end(boolean inOrder) {
        leases.release(export, session, inOrder);
    }
}
