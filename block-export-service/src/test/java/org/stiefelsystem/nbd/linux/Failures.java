package org.stiefelsystem.nbd.linux;

/** What the kernel says when something fails, for fakes outside of this package. */
public final class Failures {

    private Failures() {}

    public static SystemCallException of(String call, int errno) {
        return new SystemCallException(call, "as the test wants it", errno);
    }
}
