package org.stiefelsystem.payload;

/** A phase report that is not of the agreed form; the words go back to the guest. */
public final class MalformedReport extends Exception {

    private static final long serialVersionUID = 1L;

    MalformedReport(String message) {
        super(message, null, false, false);
    }
}
