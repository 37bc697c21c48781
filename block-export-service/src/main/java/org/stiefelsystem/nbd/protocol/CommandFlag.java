package org.stiefelsystem.nbd.protocol;

/** Flags of a command that this server offers (proto.md, "Command flags"). */
public enum CommandFlag {
    FUA(0),
    NO_HOLE(1);

    private final int mask;

    CommandFlag(int bit) {
        this.mask = 1 << bit;
    }

    public int mask() {
        return mask;
    }
}
