package org.stiefelsystem.payload;

/** A place where a payload is found. */
@FunctionalInterface
public interface PayloadSource {

    /**
     * The payload as it is now; looked for anew each time, since systems upgrade their kernel.
     *
     * @throws PayloadUnavailable when there is none, or not all of it
     */
    BootSpec bootSpec();
}
