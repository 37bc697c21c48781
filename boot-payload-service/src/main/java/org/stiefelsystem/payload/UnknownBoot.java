package org.stiefelsystem.payload;

/** A boot id that was never given out, or so long ago that it is forgotten. */
public final class UnknownBoot extends Exception {

    private static final long serialVersionUID = 1L;

    UnknownBoot(BootId bootId) {
        super("No boot " + bootId + " is known here", null, false, false);
    }
}
