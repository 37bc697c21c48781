package org.stiefelsystem.payload;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** The steps of a guest's boot, in their order: first the agent's, then root-link's. */
public enum Phase {
    AGENT,
    LINK,
    HOST,
    MANIFEST,
    KERNEL,
    INITRD,
    VERIFIED,
    KEXEC,
    ROOT_LINK,
    NBD,
    INIT;

    /** As it is written in a report. */
    public String word() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    static Optional<Phase> of(String word) {
        return Arrays.stream(values())
                .filter(phase -> phase.word().equals(word))
                .findFirst();
    }
}
