package org.stiefelsystem.nbd.server;

import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Leases;
import org.stiefelsystem.nbd.export.Session;
import org.stiefelsystem.nbd.protocol.HeaderStyle;
import org.stiefelsystem.nbd.protocol.MetaContext;

/**
 * What the handshake led to: the session has the export until {@link #end}.
 *
 * @param bootId of a guest; null for a tool
 * @param style which headers requests and replies have
 * @param keepsToBlocks whether the client has asked for the block sizes, and so must keep to them
 * @param contexts that a BLOCK_STATUS tells of; none where the headers have no place for them
 */
record Negotiated(
        Export export,
        @Nullable String bootId,
        HeaderStyle style,
        boolean keepsToBlocks,
        Set<MetaContext> contexts,
        Leases leases,
        Session session) {

    Negotiated {
        contexts = Set.copyOf(contexts);
        if (!contexts.isEmpty() && !style.hasChunks()) {
            throw new IllegalArgumentException("meta contexts without chunks");
        }
    }

    /** Lets go of the export; {@code inOrder} when the client said NBD_CMD_DISC. */
    void end(boolean inOrder) {
        leases.release(export, session, inOrder);
    }
}
