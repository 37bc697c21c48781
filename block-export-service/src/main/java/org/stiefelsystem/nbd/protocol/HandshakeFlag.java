package org.stiefelsystem.nbd.protocol;

/** Handshake flags of the server and client flags: the two words use the same bits (proto.md, "Handshake flags"). */
public enum HandshakeFlag {
    FIXED_NEWSTYLE(0),
    NO_ZEROES(1);

    private final int mask;

    HandshakeFlag(int bit) {
        this.mask = 1 << bit;
    }

    public int mask() {
        return mask;
    }

    static int all() {
        return FIXED_NEWSTYLE.mask | NO_ZEROES.mask;
    }
}
