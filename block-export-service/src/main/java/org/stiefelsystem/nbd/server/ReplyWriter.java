package org.stiefelsystem.nbd.server;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.stiefelsystem.nbd.linux.LinuxFile;
import org.stiefelsystem.nbd.linux.TcpSocket;
import org.stiefelsystem.nbd.protocol.NbdError;
import org.stiefelsystem.nbd.protocol.Reply;

/** Gathers replies and sends many at once; the data of small reads is read right behind its header. */
final class ReplyWriter {

    private final TcpSocket socket;
    private final ByteBuffer buffer;

    ReplyWriter(TcpSocket socket, ByteBuffer buffer) {
        this.socket = socket;
        this.buffer = buffer.clear();
    }

    /** The largest payload that fits behind a header. */
    int payloadCapacity() {
        return buffer.capacity() - Reply.BYTES;
    }

    void reply(long cookie, NbdError error) throws IOException {
        makeRoom(Reply.BYTES);
        new Reply(error, cookie).encode(buffer);
    }

    /** Room for a payload behind a header; {@link #replyWithPayload} keeps it, {@link #dropPayload} gives it back. */
    ByteBuffer payload(int length) throws IOException {
        makeRoom(Reply.BYTES + length);
        int start = buffer.position() + Reply.BYTES;
        return buffer.limit(start + length).position(start);
    }

    void replyWithPayload(long cookie, int length) {
        int end = buffer.limit();
        buffer.limit(buffer.capacity()).position(end - length - Reply.BYTES);
        new Reply(NbdError.NONE, cookie).encode(buffer);
        buffer.position(end);
    }

    void dropPayload(int length) {
        int end = buffer.limit();
        buffer.limit(buffer.capacity()).position(end - length - Reply.BYTES);
    }

    /** The reply to a large READ whose data is in memory. */
    void replyWithPayload(long cookie, ByteBuffer payload) throws IOException {
        reply(cookie, NbdError.NONE);
        send(true);
        socket.send(payload, false);
    }

    /** The reply to a large READ whose data goes from the file to the socket. */
    void replyWithFile(long cookie, LinuxFile file, long offset, long length) throws IOException {
        reply(cookie, NbdError.NONE);
        send(true);
        socket.sendFile(file, offset, length);
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
