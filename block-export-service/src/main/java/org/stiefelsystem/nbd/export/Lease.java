package org.stiefelsystem.nbd.export;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Who may use an export: a writable one serves one peer address at a time (DESIGN, safety rule 2, in its simple form),
 * a read-only one everybody. The holder holds it until its last connection has ended.
 */
public final class Lease {

    private final boolean exclusive;
    private @Nullable PeerAddress holder;
    private int connections;

    /** The boots with connections, and how many each has. */
    private final Map<String, Integer> boots = new HashMap<>();

    private @Nullable String lastBoot;

    Lease(boolean exclusive) {
        this.exclusive = exclusive;
    }

    /** The holder that keeps this peer out; null when it may come in. */
    public synchronized @Nullable PeerAddress keepsOut(PeerAddress peer) {
        return exclusive && holder != null && !holder.equals(peer) ? holder : null;
    }

    /** Counts one more connection of this peer, and of its boot; false when another one holds the lease. */
    public synchronized boolean take(PeerAddress peer, @Nullable String bootId) {
        if (keepsOut(peer) != null) {
            return false;
        }
        holder = exclusive ? peer : null;
        connections++;
        if (bootId != null) {
            boots.merge(bootId, 1, Integer::sum);
            lastBoot = bootId;
        }
        return true;
    }

    /** Whether this boot has a connection, or was the last that had one. */
    synchronized boolean knows(String bootId) {
        return boots.containsKey(bootId) || bootId.equals(lastBoot);
    }

    /** The end of a connection for which {@link #take} was true. */
    public synchronized void release(@Nullable String bootId) {
        if (connections == 0) {
            throw new IllegalStateException("nobody holds this lease");
        }
        connections--;
        if (bootId != null) {
            boots.computeIfPresent(bootId, (id, many) -> many == 1 ? null : many - 1);
        }
        if (connections == 0) {
            holder = null;
        }
    }

    public synchronized @Nullable PeerAddress holder() {
        return holder;
    }

    public synchronized int connections() {
        return connections;
    }

    public synchronized boolean held() {
        return holder != null;
    }
}
