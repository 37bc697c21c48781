package org.stiefelsystem.nbd.server;

import java.io.Closeable;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** A client that says what a test wants it to say, right or wrong. */
final class Peer implements Closeable {

    static final int OPT_EXPORT_NAME = 1;
    static final int OPT_ABORT = 2;
    static final int OPT_LIST = 3;
    static final int OPT_INFO = 6;
    static final int OPT_STARTTLS = 5;
    static final int OPT_GO = 7;
    static final int OPT_STRUCTURED = 8;
    static final int OPT_LIST_META = 9;
    static final int OPT_SET_META = 10;
    static final int OPT_EXTENDED = 11;
    static final int READ = 0;
    static final int WRITE = 1;
    static final int DISC = 2;
    static final int FLUSH = 3;
    static final int TRIM = 4;
    static final int CACHE = 5;
    static final int WRITE_ZEROES = 6;
    static final int BLOCK_STATUS = 7;
    static final int RESIZE = 8;
    static final int PAYLOAD_LEN = 32;

    private final Socket socket;
    private final DataInputStream in;
    private final OutputStream out;

    private Peer(InetSocketAddress server, InetAddress from) throws IOException {
        socket = new Socket(server.getAddress(), server.getPort(), from, 0);
        socket.setSoTimeout(20_000);
        socket.setTcpNoDelay(true);
        in = new DataInputStream(socket.getInputStream());
        out = socket.getOutputStream();
    }

    /** Connects and says nothing. */
    static Peer mute(InetSocketAddress server) throws IOException {
        return new Peer(server, InetAddress.ofLiteral("127.0.0.1"));
    }

    /** Connects and says nothing, from this address. */
    static Peer mute(InetSocketAddress server, String from) throws IOException {
        return new Peer(server, InetAddress.ofLiteral(from));
    }

    /** Connects and greets. */
    static Peer greeted(InetSocketAddress server) throws IOException {
        return greeted(server, "127.0.0.1");
    }

    static Peer greeted(InetSocketAddress server, String from) throws IOException {
        Peer peer = new Peer(server, InetAddress.ofLiteral(from));
        peer.receive(18);
        peer.greet();
        return peer;
    }

    /** Answers the server's greeting: fixed newstyle, without zeroes. */
    void greet() throws IOException {
        send(ByteBuffer.allocate(4).putInt(3));
    }

    /** Connects, greets and goes. */
    static Peer in(InetSocketAddress server, String export) throws IOException {
        Peer peer = greeted(server);
        peer.go(export);
        return peer;
    }

    /** Has one of the options that have no data acknowledged. */
    Peer agreed(int option) throws IOException {
        option(option, ByteBuffer.allocate(0));
        if (reply().type != 1) {
            throw new IOException("option %d was refused".formatted(option));
        }
        return this;
    }

    /** Agrees on headers and on base:allocation, and goes. */
    static Peer in(InetSocketAddress server, String export, int headers) throws IOException {
        Peer peer = greeted(server).agreed(headers);
        peer.option(OPT_SET_META, metaContexts(export, "base:allocation"));
        while (peer.reply().type == 4) {
            // The context.
        }
        peer.go(export);
        return peer;
    }

    static ByteBuffer metaContexts(String export, String... queries) {
        byte[] name = export.getBytes(StandardCharsets.UTF_8);
        ByteBuffer data =
                ByteBuffer.allocate(8000).putInt(name.length).put(name).putInt(queries.length);
        for (String query : queries) {
            byte[] text = query.getBytes(StandardCharsets.UTF_8);
            data.putInt(text.length).put(text);
        }
        return data;
    }

    void go(String export) throws IOException {
        option(OPT_GO, query(export));
        OptionReply reply = reply();
        while (reply.type == 3) {
            reply = reply();
        }
        if (reply.type != 1) {
            throw new IOException("GO was refused with 0x%x: %s".formatted(reply.type, reply.text()));
        }
    }

    record OptionReply(int option, int type, ByteBuffer content) {
        String text() {
            return StandardCharsets.UTF_8.decode(content.duplicate()).toString();
        }
    }

    static ByteBuffer query(String export) {
        byte[] name = export.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(6 + name.length)
                .putInt(name.length)
                .put(name)
                .putShort((short) 0);
    }

    void option(int option, ByteBuffer data) throws IOException {
        int length = data.position();
        send(ByteBuffer.allocate(16 + length)
                .putLong(0x49484156454F5054L)
                .putInt(option)
                .putInt(length)
                .put(data.flip()));
    }

    /** Only the header of an option. */
    void optionHeader(int option, int length) throws IOException {
        send(ByteBuffer.allocate(16).putLong(0x49484156454F5054L).putInt(option).putInt(length));
    }

    OptionReply reply() throws IOException {
        ByteBuffer header = receive(20);
        if (header.getLong() != 0x0003e889045565a9L) {
            throw new IOException("no option reply");
        }
        int option = header.getInt();
        int type = header.getInt();
        return new OptionReply(option, type, receive(header.getInt()));
    }

    static ByteBuffer request(int flags, int type, long cookie, long offset, int length, byte... payload) {
        return ByteBuffer.allocate(28 + payload.length)
                .putInt(0x25609513)
                .putShort((short) flags)
                .putShort((short) type)
                .putLong(cookie)
                .putLong(offset)
                .putInt(length)
                .put(payload);
    }

    void ask(int flags, int type, long cookie, long offset, int length, byte... payload) throws IOException {
        send(request(flags, type, cookie, offset, length, payload));
    }

    /** The error of the next reply, which must be for this cookie. */
    int answer(long cookie) throws IOException {
        ByteBuffer reply = receive(16);
        if (reply.getInt() != 0x67446698) {
            throw new IOException("no reply");
        }
        int error = reply.getInt();
        if (reply.getLong() != cookie) {
            throw new IOException("a reply to something else");
        }
        return error;
    }

    static ByteBuffer extended(int flags, int type, long cookie, long offset, long length, byte... payload) {
        return ByteBuffer.allocate(32 + payload.length)
                .putInt(0x21e41c71)
                .putShort((short) flags)
                .putShort((short) type)
                .putLong(cookie)
                .putLong(offset)
                .putLong(length)
                .put(payload);
    }

    void askExtended(int flags, int type, long cookie, long offset, long length, byte... payload) throws IOException {
        send(extended(flags, type, cookie, offset, length, payload));
    }

    /** One chunk of a reply; {@code content} is what follows its header. */
    record Chunk(boolean done, int type, long cookie, ByteBuffer content) {

        /** The error of an error chunk; 0 for another one. */
        int error() {
            return type >= 0x8001 ? content.getInt(0) : 0;
        }
    }

    Chunk structured() throws IOException {
        ByteBuffer header = receive(20);
        if (header.getInt() != 0x668e33ef) {
            throw new IOException("no structured reply");
        }
        boolean done = header.getShort() == 1;
        int type = Short.toUnsignedInt(header.getShort());
        return new Chunk(done, type, header.getLong(), receive(header.getInt()));
    }

    /** An extended chunk, which must repeat the offset of its request. */
    Chunk extended(long offset) throws IOException {
        ByteBuffer header = receive(32);
        if (header.getInt() != 0x6e8a278c) {
            throw new IOException("no extended reply");
        }
        boolean done = header.getShort() == 1;
        int type = Short.toUnsignedInt(header.getShort());
        long cookie = header.getLong();
        if (header.getLong() != offset) {
            throw new IOException("a reply with another offset");
        }
        return new Chunk(done, type, cookie, receive((int) header.getLong()));
    }

    void send(ByteBuffer bytes) throws IOException {
        byte[] all = new byte[bytes.position()];
        bytes.get(0, all);
        out.write(all);
        out.flush();
    }

    ByteBuffer receive(int bytes) throws IOException {
        byte[] received = new byte[bytes];
        in.readFully(received);
        return ByteBuffer.wrap(received);
    }

    /** Reads what has arrived, and waits for nothing. */
    void discardWhatIsThere() throws IOException {
        in.skipBytes(in.available());
    }

    /** Says no more, and reads until the server says no more either. */
    void hearToTheEnd() throws IOException {
        socket.shutdownOutput();
        byte[] scratch = new byte[65_536];
        while (in.read(scratch) >= 0) {
            // More.
        }
    }

    /** Reads until the server says no more, or has reset the connection. */
    void hearToTheEndOrReset() throws IOException {
        try {
            hearToTheEnd();
        } catch (java.net.SocketException e) {
            // That is an end as well.
        }
    }

    int port() {
        return socket.getLocalPort();
    }

    /** Goes without a goodbye: what is under way is lost, in both directions. */
    void reset() throws IOException {
        socket.setSoLinger(true, 0);
        socket.close();
    }

    /** Whether the server has closed, with or without a reset. */
    boolean closedByServer() {
        try {
            return in.read() < 0;
        } catch (java.net.SocketTimeoutException e) {
            return false;
        } catch (IOException e) {
            return true;
        }
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
