package org.stiefelsystem.nbd.server;

import java.io.IOException;

/** Nobody waits for the answer of a handshake any more, or a newer one has taken its place: it just ends. */
final class HandshakeAbandonedException extends IOException {

    private static final long serialVersionUID = 1L;

    HandshakeAbandonedException(String why) {
        super(why);
    }
}
