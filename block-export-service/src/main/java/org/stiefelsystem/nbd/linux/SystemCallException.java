package org.stiefelsystem.nbd.linux;

import java.io.IOException;

/** A system call said no: which one, with what, and why. */
public final class SystemCallException extends IOException {

    private static final long serialVersionUID = 1L;

    private final int errno;

    SystemCallException(String call, String arguments, int errno) {
        super("%s(%s): %s".formatted(call, arguments, Errno.text(errno)));
        this.errno = errno;
    }

    public int errno() {
        return errno;
    }
}
