package org.stiefelsystem.nbd.server;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;

/** A network between one client and a server, which can hold back what the client sends and let it go later. */
final class HoldingProxy implements Closeable {

    private final ServerSocket listener;
    private final Socket server;
    private final ByteArrayOutputStream held = new ByteArrayOutputStream();
    private boolean holding;

    HoldingProxy(InetSocketAddress to) throws IOException {
        listener = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"));
        server = new Socket(to.getAddress(), to.getPort());
        server.setTcpNoDelay(true);
        Thread.ofVirtual().start(this::accept);
    }

    InetSocketAddress address() {
        return new InetSocketAddress(listener.getInetAddress(), listener.getLocalPort());
    }

    synchronized void holdBack() {
        holding = true;
    }

    /** Waits until that many bytes are under way and have not arrived. */
    synchronized void awaitHeldBack(int bytes) throws InterruptedException {
        while (held.size() < bytes) {
            wait();
        }
    }

    /** What was held back arrives, if the server still takes it. */
    synchronized void letGo() {
        holding = false;
        try {
            server.getOutputStream().write(held.toByteArray());
        } catch (IOException e) {
            // The server has closed: the bytes are lost, as on a real network.
        }
    }

    private void accept() {
        try (Socket client = listener.accept()) {
            client.setTcpNoDelay(true);
            Thread.ofVirtual().start(() -> forward(client));
            server.getInputStream().transferTo(client.getOutputStream());
        } catch (IOException e) {
            // One of both has gone; the other is closed below and by close().
        }
    }

    private void forward(Socket client) {
        byte[] bytes = new byte[64 << 10];
        try {
            InputStream in = client.getInputStream();
            for (int n = in.read(bytes); n >= 0; n = in.read(bytes)) {
                pass(bytes, n);
            }
        } catch (IOException e) {
            // As above.
        }
    }

    private synchronized void pass(byte[] bytes, int length) throws IOException {
        if (holding) {
            held.write(bytes, 0, length);
            notifyAll();
        } else {
            server.getOutputStream().write(bytes, 0, length);
        }
    }

    @Override
    public void close() throws IOException {
        listener.close();
        server.close();
    }
}
