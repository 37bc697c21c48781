package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;

/** Which headers transmission uses, as it was agreed in the handshake (proto.md, "Transmission"). */
public enum HeaderStyle {
    /** Nothing was agreed: compact requests, simple replies. */
    SIMPLE,
    /** NBD_OPT_STRUCTURED_REPLY: compact requests, structured replies. */
    STRUCTURED,
    /** NBD_OPT_EXTENDED_HEADERS: extended requests and replies, and structured replies with them. */
    EXTENDED;

    /** The length of a request's header. */
    public int requestBytes() {
        return this == EXTENDED ? Request.EXTENDED_BYTES : Request.BYTES;
    }

    public Request decodeRequest(ByteBuffer in) throws ProtocolViolation {
        return this == EXTENDED ? Request.decodeExtended(in) : Request.decode(in);
    }

    /** Whether replies are made of chunks. */
    public boolean hasChunks() {
        return this != SIMPLE;
    }
}
