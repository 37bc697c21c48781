package org.stiefelsystem.nbd.protocol;

import java.util.Set;

/** What an export can do (proto.md, "Transmission flags"). */
public enum TransmissionFlag {
    HAS_FLAGS(0),
    READ_ONLY(1),
    SEND_FLUSH(2),
    SEND_FUA(3),
    ROTATIONAL(4),
    SEND_TRIM(5),
    SEND_WRITE_ZEROES(6),
    SEND_DF(7),
    CAN_MULTI_CONN(8),
    SEND_CACHE(10),
    SEND_FAST_ZERO(11),
    BLOCK_STATUS_PAYLOAD(12);

    private final int mask;

    TransmissionFlag(int bit) {
        this.mask = 1 << bit;
    }

    static int mask(Set<TransmissionFlag> flags) {
        int mask = 0;
        for (TransmissionFlag flag : flags) {
            mask |= flag.mask;
        }
        return mask;
    }
}
