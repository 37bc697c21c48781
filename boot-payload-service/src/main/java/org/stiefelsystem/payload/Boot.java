package org.stiefelsystem.payload;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The timeline of one boot of one guest.
 *
 * @param guest the address that asked for the manifest
 * @param started when it asked, by our clock
 * @param failed why it ended early, in the guest's words, or null
 */
public record Boot(
        String bootId,
        String guest,
        Instant started,
        List<PhaseReached> phases,
        @Nullable String failed) {

    /**
     * A phase that the guest reached.
     *
     * @param phase its word
     * @param seconds by the guest's clock, since its first kernel started
     * @param received when we were told
     */
    public record PhaseReached(String phase, double seconds, Instant received) {}
}
