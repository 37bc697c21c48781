package org.stiefelsystem.discovery;

/** A datagram that is not of our protocol. Its sender gets silence; the words are for the log. */
public final class MalformedMessage extends Exception {

    private static final long serialVersionUID = 1L;

    MalformedMessage(String message) {
        // No stack trace: anybody may send such a datagram, as often as they like.
        super(message, null, false, false);
    }
}
