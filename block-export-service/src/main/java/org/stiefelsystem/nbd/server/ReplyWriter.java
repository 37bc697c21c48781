package org.stiefelsystem.nbd.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.stiefelsystem.nbd.linux.LinuxFile;
import org.stiefelsystem.nbd.linux.TcpSocket;
import org.stiefelsystem.nbd.protocol.ExtendedReply;
import org.stiefelsystem.nbd.protocol.HeaderStyle;
import org.stiefelsystem.nbd.protocol.NbdError;
import org.stiefelsystem.nbd.protocol.ReplyChunk;
import org.stiefelsystem.nbd.protocol.Request;
import org.stiefelsystem.nbd.protocol.SimpleReply;
import org.stiefelsystem.nbd.protocol.StructuredReply;

/**
 * Gathers replies, of the style that was agreed, and sends many at once; the data of small reads is read right behind
 * its header. With chunks every reply is made of them (proto.md, "Transmission").
 */
final class ReplyWriter {

    private final TcpSocket socket;
    private final HeaderStyle style;
    private final int chunkHeaderBytes;
    private final int dataHeaderBytes;
    private final ByteBuffer buffer;

    ReplyWriter(TcpSocket socket, HeaderStyle style, ByteBuffer buffer) {
        this.socket = socket;
        this.style = style;
        this.chunkHeaderBytes = style == HeaderStyle.EXTENDED ? ExtendedReply.BYTES : StructuredReply.BYTES;
        this.dataHeaderBytes =
                style == HeaderStyle.SIMPLE ? SimpleReply.BYTES : chunkHeaderBytes + ReplyChunk.OffsetData.BYTES;
        this.buffer = buffer.clear();
    }

    /** The largest payload that fits behind a header. */
    int payloadCapacity() {
        return buffer.capacity() - dataHeaderBytes;
    }

    /** How many descriptors of a BLOCK_STATUS fit behind a header. */
    int descriptorCapacity() {
        int rest = buffer.capacity() - chunkHeaderBytes;
        return style == HeaderStyle.EXTENDED
                ? ReplyChunk.BlockStatusExt.descriptorsIn(rest)
                : ReplyChunk.BlockStatus.descriptorsIn(rest);
    }

    /** Ends a reply that has no data, or no more. */
    void reply(Request request, NbdError error) throws IOException {
        if (style == HeaderStyle.SIMPLE) {
            makeRoom(SimpleReply.BYTES);
            new SimpleReply(error, request.cookie()).encode(buffer);
        } else if (error == NbdError.NONE) {
            chunk(request, new ReplyChunk.None(), true);
        } else {
            chunk(request, new ReplyChunk.ErrorReply(error, ""), true);
        }
    }

    /** Ends the reply to a READ that failed from {@code offset} on. */
    void failRead(Request request, NbdError error, long offset) throws IOException {
        if (style == HeaderStyle.SIMPLE) {
            reply(request, error);
        } else {
            chunk(request, new ReplyChunk.ErrorOffset(error, offset), true);
        }
    }

    /** A part of a reply, and maybe its last one. */
    void chunk(Request request, ReplyChunk chunk, boolean done) throws IOException {
        makeRoom(chunkHeaderBytes + chunk.encodedBytes());
        encode(request, chunk, done, buffer);
    }

    private void encode(Request request, ReplyChunk chunk, boolean done, ByteBuffer out) {
        if (style == HeaderStyle.EXTENDED) {
            new ExtendedReply(done, chunk.type(), request.cookie(), request.offset(), chunk.length()).encode(out);
        } else {
            new StructuredReply(done, chunk.type(), request.cookie(), (int) chunk.length()).encode(out);
        }
        chunk.encode(out);
    }

    /** Room for a payload behind a header; {@link #replyWithPayload} keeps it, {@link #dropPayload} gives it back. */
    ByteBuffer payload(int length) throws IOException {
        makeRoom(dataHeaderBytes + length);
        int start = buffer.position() + dataHeaderBytes;
        return buffer.limit(start + length).position(start);
    }

    /** Ends the reply to a READ with the data that is in {@link #payload}, from {@code offset} on. */
    void replyWithPayload(Request request, long offset, int length) {
        int end = buffer.limit();
        dropPayload(length);
        encodeDataHeader(request, offset, length, true);
        buffer.position(end);
    }

    void dropPayload(int length) {
        int end = buffer.limit();
        buffer.limit(buffer.capacity()).position(end - length - dataHeaderBytes);
    }

    private void encodeDataHeader(Request request, long offset, int length, boolean done) {
        if (style == HeaderStyle.SIMPLE) {
            new SimpleReply(NbdError.NONE, request.cookie()).encode(buffer);
        } else {
            encode(request, new ReplyChunk.OffsetData(offset, length), done, buffer);
        }
    }

    /** Ends the reply to a large READ whose data is in memory. */
    void replyWithPayload(Request request, long offset, ByteBuffer payload) throws IOException {
        makeRoom(dataHeaderBytes);
        encodeDataHeader(request, offset, payload.remaining(), true);
        send(true);
        socket.send(payload, false);
    }

    /**
     * Ends the reply to a large READ whose data goes from the file to the socket. A chunk that may yet fail must not be
     * the last one.
     */
    void replyWithFile(Request request, LinuxFile file, long offset, int length) throws IOException {
        makeRoom(dataHeaderBytes);
        encodeDataHeader(request, offset, length, false);
        send(true);
        socket.sendFile(file, offset, length);
        if (style.hasChunks()) {
            reply(request, NbdError.NONE);
        }
    }

    /** Completes a chunk whose file failed: what is missing is sent as zeroes, and then the error is told. */
    void completeFailedFile(Request request, long missing, NbdError error, long offset) throws IOException {
        long left = missing;
        while (left > 0) {
            int piece = (int) Math.min(left, buffer.capacity());
            buffer.put(new byte[piece]);
            send(true);
            left -= piece;
        }
        failRead(request, error, offset);
    }

    void flush() throws IOException {
        send(false);
    }

    private void makeRoom(int bytes) throws IOException {
        if (buffer.remaining() < bytes) {
            send(false);
        }
    }

    private void send(boolean more) throws IOException {
        if (buffer.position() > 0) {
            socket.send(buffer.flip(), more);
            buffer.clear();
        }
    }
}
