package org.stiefelsystem.nbd.protocol;

import java.io.IOException;

/** The peer sent what no reply can mend: this connection ends. */
public final class ProtocolViolation extends IOException {

    private static final long serialVersionUID = 1L;

    public ProtocolViolation(String message) {
        super(message);
    }
}
