package org.stiefelsystem.nbd.protocol;

/** Flags of a command (proto.md, "Command flags"). */
public enum CommandFlag {
    FUA(0),
    NO_HOLE(1),
    DF(2),
    REQ_ONE(3),
    FAST_ZERO(4),
    PAYLOAD_LEN(5);

    private final int mask;

    CommandFlag(int bit) {
        this.mask = 1 << bit;
    }

    public int mask() {
        return mask;
    }
}
