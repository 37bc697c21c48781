package org.stiefelsystem.payload;

import java.nio.charset.StandardCharsets;

/** A kernel command line: one line, no control characters, short enough that the kernel does not cut it. */
public record Cmdline(String text) {

    /** The kernel silently cuts at 2,047 bytes on x86; the agent appends up to about 440 of its own. */
    public static final int MAX_BYTES = 1600;

    public Cmdline {
        text = text.strip();
        if (text.isEmpty()) {
            throw new PayloadUnavailable(
                    "The kernel command line is empty", "Give the one that the system boots with (see /proc/cmdline).");
        }
        // A line end would start a new line of the manifest.
        if (text.chars().anyMatch(Character::isISOControl)) {
            throw new PayloadUnavailable(
                    "The kernel command line has a line end or another control character", "Write it in one line.");
        }
        if (text.getBytes(StandardCharsets.UTF_8).length > MAX_BYTES) {
            throw new PayloadUnavailable(
                    "The kernel command line is longer than " + MAX_BYTES + " bytes", "Shorten it.");
        }
    }
}
