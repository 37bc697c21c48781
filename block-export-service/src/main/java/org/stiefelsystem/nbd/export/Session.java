package org.stiefelsystem.nbd.export;

/** A connection that has an export, or asks for it, as the export's lease sees it. */
public interface Session {

    /**
     * From any thread: the connection does no further request, whatever was received of it, and lets go of the export
     * when the one that it is doing is done.
     */
    void fence();

    /** Whether the peer has closed the connection; asked while it waits for the export. */
    boolean hungUp();
}
