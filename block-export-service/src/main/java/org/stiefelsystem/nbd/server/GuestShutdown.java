package org.stiefelsystem.nbd.server;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.stiefelsystem.nbd.export.Lease;

/**
 * Asks a guest for a clean shutdown: {@code STIEFEL/1 SHUTDOWN <boot id>}, which its keeper answers with
 * {@code STIEFEL/1 STOPPING <boot id>} (stiefelos/README.md). It takes the request only from where its disk comes from.
 */
public final class GuestShutdown {

    private static final Duration BETWEEN_TRIES = Duration.ofMillis(500);

    private final NbdServer server;
    private final int guestPort;

    public GuestShutdown(NbdServer server, int guestPort) {
        this.server = server;
        this.guestPort = guestPort;
    }

    /**
     * Asks, a few times in so many milliseconds, since datagrams get lost.
     *
     * @return whether the guest has answered that it shuts down
     */
    public boolean ask(Lease.Holder guest, Duration patience) throws IOException {
        String bootId = guest.bootId();
        if (bootId == null) {
            return false;
        }
        InetAddress address = InetAddress.getByName(guest.address().text());
        byte[] request = ascii("STIEFEL/1 SHUTDOWN " + bootId);
        String expected = "STIEFEL/1 STOPPING " + bootId;
        long deadline = System.nanoTime() + patience.toNanos();
        try (DatagramSocket socket =
                new DatagramSocket(new InetSocketAddress(server.address().getAddress(), 0))) {
            socket.setSoTimeout((int) BETWEEN_TRIES.toMillis());
            DatagramPacket answer = new DatagramPacket(new byte[expected.length() + 1], expected.length() + 1);
            do {
                socket.send(new DatagramPacket(request, request.length, address, guestPort));
                try {
                    answer.setLength(expected.length() + 1);
                    socket.receive(answer);
                    String text = new String(answer.getData(), 0, answer.getLength(), StandardCharsets.ISO_8859_1);
                    if (text.equals(expected) && answer.getAddress().equals(address)) {
                        return true;
                    }
                } catch (SocketTimeoutException e) {
                    // Asked again.
                }
            } while (System.nanoTime() < deadline);
            return false;
        }
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
