package org.stiefelsystem.payload;

/** A kernel command line: one line of printable ASCII, short enough that the kernel does not cut it. */
public record Cmdline(String text) {

    /** The kernel silently cuts at 2,047 bytes on x86; the agent appends its own and takes no more than this. */
    public static final int MAX_BYTES = 1300;

    public Cmdline {
        text = text.strip();
        if (text.isEmpty()) {
            throw new PayloadUnavailable(
                    "The kernel command line is empty", "Give the one that the system boots with (see /proc/cmdline).");
        }
        // A line end would start a new line of the manifest; the agent takes nothing but printable ASCII.
        if (text.chars().anyMatch(c -> c < ' ' || c > '~')) {
            throw new PayloadUnavailable(
                    "The kernel command line has a line end or another character that is not printable ASCII",
                    "Write it in one line; name a root by UUID instead of a label with such characters.");
        }
        if (text.length() > MAX_BYTES) {
            throw new PayloadUnavailable(
                    "The kernel command line is longer than " + MAX_BYTES + " bytes", "Shorten it.");
        }
    }
}
