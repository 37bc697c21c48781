package org.stiefelsystem.nbd.export;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * Who has an export, at one moment; the rules are those of {@link Leases}.
 *
 * @param holder null while nobody has it. Everybody may have an export that is read-only, and none of them is its holder;
 *     one that had it while it was writable keeps its lease
 * @param connections those in transmission
 */
public record Lease(@Nullable Holder holder, int connections) {

    /**
     * The one that may write.
     *
     * @param address where it came from last
     * @param bootId of the guest's boot; null for a tool, which asked by the export's plain name
     * @param since when it was first let in
     * @param reconnects how often this boot came back
     */
    public record Holder(PeerAddress address, @Nullable String bootId, Instant since, int reconnects) {

        Holder reconnected(PeerAddress from) {
            return new Holder(from, bootId, since, reconnects + 1);
        }

        /** By its boot id, or a tool by its address: what a person was shown of it. */
        public boolean isCalled(String shown) {
            return shown.equals(bootId == null ? address.text() : bootId);
        }

        /** Its address and the first digits of its boot id, or that it is a tool. */
        public String words() {
            return bootId == null ? address + " by its plain name" : address + " (boot " + shortened(bootId) + ")";
        }
    }

    /** What a lease may be in. */
    public enum State {
        /** Nobody has the export. */
        FREE,
        /** The holder is connected. */
        HELD,
        /** The holder may come back, and nobody else may have the export. */
        WAITING
    }

    public State state() {
        if (holder == null) {
            return State.FREE;
        }
        return connections > 0 ? State.HELD : State.WAITING;
    }

    /** The first digits of a boot id, enough to tell boots apart. */
    static String shortened(String bootId) {
        return bootId.substring(0, 8);
    }
}
