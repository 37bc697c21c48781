package org.stiefelsystem.discovery.app;

import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.springframework.integration.ip.IpHeaders;
import org.springframework.integration.ip.udp.inbound.UnicastReceivingChannelAdapter;
import org.springframework.integration.support.MessageBuilder;
import org.springframework.messaging.Message;
import org.springframework.messaging.MessageHeaders;
import org.springframework.messaging.MessagingException;
import org.stiefelsystem.discovery.DiscoveryConversation;
import org.stiefelsystem.discovery.DiscoveryConversation.Outcome;
import org.stiefelsystem.discovery.SourceLimit;

/**
 * The socket adapter with our bounds: a token bucket per sender before any work, a bounded queue behind it. It makes its
 * messages itself: the framework's mapper takes {@code ip_ackTo=host:port;} at the start of any datagram as an order to
 * send an acknowledgement to that host.
 */
class DatagramInbound extends UnicastReceivingChannelAdapter {

    private static final int BUFFER = 2048;
    private static final int QUEUE = 64;
    private static final String ARRIVED = "stiefel_arrived";

    private final SourceLimit limit;
    private final DiscoveryConversation conversation;
    private final ThreadPoolExecutor workers;

    DatagramInbound(DatagramSocket socket, SourceLimit limit, DiscoveryConversation conversation) {
        super(socket.getLocalPort());
        this.limit = limit;
        this.conversation = conversation;
        this.workers = new ThreadPoolExecutor(
                1,
                1,
                1,
                TimeUnit.MINUTES,
                new ArrayBlockingQueue<>(QUEUE),
                Thread.ofPlatform().name("discovery-answer").daemon().factory(),
                (task, executor) -> conversation.notAnswered(Outcome.DROPPED));
        workers.allowCoreThreadTimeOut(true);
        setSocket(socket);
        setReceiveBufferSize(BUFFER);
        setPoolSize(1);
    }

    static InetSocketAddress sender(MessageHeaders headers) {
        return Objects.requireNonNull(headers.get(IpHeaders.PACKET_ADDRESS, InetSocketAddress.class));
    }

    static long arrived(MessageHeaders headers) {
        return Objects.requireNonNull(headers.get(ARRIVED, Long.class));
    }

    @Override
    protected boolean asyncSendMessage(DatagramPacket packet) {
        if (!limit.admits(packet.getAddress())) {
            conversation.notAnswered(Outcome.LIMITED);
            return false;
        }
        long arrived = System.nanoTime();
        workers.execute(() -> converse(packet, arrived));
        return true;
    }

    private void converse(DatagramPacket packet, long arrived) {
        Message<byte[]> message = MessageBuilder.withPayload(Arrays.copyOfRange(
                        packet.getData(), packet.getOffset(), packet.getOffset() + packet.getLength()))
                .setHeader(IpHeaders.PACKET_ADDRESS, packet.getSocketAddress())
                .setHeader(ARRIVED, arrived)
                .build();
        try {
            sendMessage(message);
        } catch (MessagingException e) {
            // For example a sender with port 0, or a link that went away in between.
            conversation.notAnswered(Outcome.FAILED);
            conversation.complain("Could not answer " + packet.getSocketAddress() + ": "
                    + e.getMostSpecificCause().getMessage());
        }
    }

    @Override
    protected void doStop() {
        super.doStop();
        workers.shutdown();
    }
}
