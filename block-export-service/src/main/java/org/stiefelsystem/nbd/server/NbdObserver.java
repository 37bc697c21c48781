package org.stiefelsystem.nbd.server;

import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.protocol.Command;
import org.stiefelsystem.nbd.protocol.NbdError;

/** Is told what happens, on the path of every request: an implementation counts and returns. */
public interface NbdObserver {

    /** Nobody looks. */
    NbdObserver NONE = (export, command, result, length, nanos) -> {};

    /**
     * A request was answered.
     *
     * @param length that it asked for
     * @param nanos from its header's arrival in the program to its reply's being ready
     */
    void answered(Export export, Command command, NbdError result, long length, long nanos);
}
