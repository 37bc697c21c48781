package org.stiefelsystem.nbd.protocol;

/** How a request ended (proto.md, "Error values"); those that this server has a use for. */
public enum NbdError {
    NONE(0),
    EPERM(1),
    EIO(5),
    ENOMEM(12),
    EINVAL(22),
    ENOSPC(28),
    EOVERFLOW(75),
    ENOTSUP(95);

    private final int code;

    NbdError(int code) {
        this.code = code;
    }

    public int code() {
        return code;
    }
}
