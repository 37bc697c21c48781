package org.stiefelsystem.nbd.server;

import java.time.Duration;

/**
 * What a peer may ask of the server at most (DESIGN, safety rule 6); {@link #defaults()} is the one place of the
 * defaults.
 *
 * @param handshakeDeadline from accept to the end of option haggling
 * @param optionsPerHandshake then the connection is closed
 * @param optionBytes of one option's data; longer data is skipped and answered with NBD_REP_ERR_TOO_BIG
 * @param skippedOptionBytes then the connection is closed
 * @param requestBytes of the payload of one READ or WRITE; announced as the maximum block size
 * @param slowZeroBytes of a WRITE_ZEROES that cannot be done quickly
 * @param extentsPerReply of a BLOCK_STATUS; it ends after them
 * @param connections in all
 * @param connectionsPerPeer of one address
 * @param receiveBytes buffer of one connection for what it receives
 * @param replyBytes buffer of one connection for replies
 * @param bufferBytes of the full-sized buffers of all connections together; those that come later get small ones
 * @param replyBytesInMemory of large replies that are read into memory, of all connections together
 * @param replyMemoryWait how long a large reply waits for its memory; then the connection is closed
 * @param sendStall how long a peer may take nothing of what is sent to it
 * @param keepaliveIdle silence before the first keepalive probe
 * @param keepaliveInterval between probes
 * @param keepaliveProbes unanswered ones that end the connection
 * @param stopGrace for running requests when the server stops
 * @param stopLimit then a stop waits no more, even for a disk that does not answer
 */
public record NbdLimits(
        Duration handshakeDeadline,
        int optionsPerHandshake,
        int optionBytes,
        int skippedOptionBytes,
        int requestBytes,
        long slowZeroBytes,
        int extentsPerReply,
        int connections,
        int connectionsPerPeer,
        int receiveBytes,
        int replyBytes,
        long bufferBytes,
        int replyBytesInMemory,
        Duration replyMemoryWait,
        Duration sendStall,
        Duration keepaliveIdle,
        Duration keepaliveInterval,
        int keepaliveProbes,
        Duration stopGrace,
        Duration stopLimit) {

    public static NbdLimits defaults() {
        return new NbdLimits(
                Duration.ofSeconds(10),
                64,
                8 << 10,
                1 << 20,
                32 << 20,
                4L << 30,
                16 << 10,
                1200,
                1100,
                256 << 10,
                256 << 10,
                64L << 20,
                64 << 20,
                Duration.ofSeconds(5),
                Duration.ofSeconds(60),
                Duration.ofSeconds(10),
                Duration.ofSeconds(5),
                6,
                Duration.ofSeconds(5),
                Duration.ofSeconds(20));
    }

    public NbdLimits {
        if (requestBytes < 1 << 20 || requestBytes > 1 << 26 || requestBytes > replyBytesInMemory) {
            throw new IllegalArgumentException(
                    "requestBytes is %d, and must be 1 to 64 MiB and at most replyBytesInMemory"
                            .formatted(requestBytes));
        }
        if (optionBytes < 4096 + 64 || connections < 1 || connectionsPerPeer < 1 || optionsPerHandshake < 1) {
            throw new IllegalArgumentException("optionBytes must be at least 4160, and every number positive");
        }
        if (extentsPerReply < 1 || extentsPerReply > 1 << 15) {
            throw new IllegalArgumentException(
                    "extentsPerReply is %d, and must be 1 to 32768".formatted(extentsPerReply));
        }
        if (receiveBytes < BufferPool.SMALL_BYTES || replyBytes < BufferPool.SMALL_BYTES) {
            throw new IllegalArgumentException(
                    "receiveBytes and replyBytes must be at least " + BufferPool.SMALL_BYTES);
        }
    }

    NbdLimits withHandshakeDeadline(Duration deadline) {
        return new NbdLimits(
                deadline,
                optionsPerHandshake,
                optionBytes,
                skippedOptionBytes,
                requestBytes,
                slowZeroBytes,
                extentsPerReply,
                connections,
                connectionsPerPeer,
                receiveBytes,
                replyBytes,
                bufferBytes,
                replyBytesInMemory,
                replyMemoryWait,
                sendStall,
                keepaliveIdle,
                keepaliveInterval,
                keepaliveProbes,
                stopGrace,
                stopLimit);
    }

    NbdLimits withConnections(int inAll, int perPeer) {
        return new NbdLimits(
                handshakeDeadline,
                optionsPerHandshake,
                optionBytes,
                skippedOptionBytes,
                requestBytes,
                slowZeroBytes,
                extentsPerReply,
                inAll,
                perPeer,
                receiveBytes,
                replyBytes,
                bufferBytes,
                replyBytesInMemory,
                replyMemoryWait,
                sendStall,
                keepaliveIdle,
                keepaliveInterval,
                keepaliveProbes,
                stopGrace,
                stopLimit);
    }

    NbdLimits withEffort(long slowZeroes, int extents) {
        return new NbdLimits(
                handshakeDeadline,
                optionsPerHandshake,
                optionBytes,
                skippedOptionBytes,
                requestBytes,
                slowZeroes,
                extents,
                connections,
                connectionsPerPeer,
                receiveBytes,
                replyBytes,
                bufferBytes,
                replyBytesInMemory,
                replyMemoryWait,
                sendStall,
                keepaliveIdle,
                keepaliveInterval,
                keepaliveProbes,
                stopGrace,
                stopLimit);
    }

    NbdLimits withReplyMemory(int bytes, Duration wait) {
        return new NbdLimits(
                handshakeDeadline,
                optionsPerHandshake,
                optionBytes,
                skippedOptionBytes,
                requestBytes,
                slowZeroBytes,
                extentsPerReply,
                connections,
                connectionsPerPeer,
                receiveBytes,
                replyBytes,
                bufferBytes,
                bytes,
                wait,
                sendStall,
                keepaliveIdle,
                keepaliveInterval,
                keepaliveProbes,
                stopGrace,
                stopLimit);
    }

    NbdLimits withStop(Duration grace, Duration limit) {
        return new NbdLimits(
                handshakeDeadline,
                optionsPerHandshake,
                optionBytes,
                skippedOptionBytes,
                requestBytes,
                slowZeroBytes,
                extentsPerReply,
                connections,
                connectionsPerPeer,
                receiveBytes,
                replyBytes,
                bufferBytes,
                replyBytesInMemory,
                replyMemoryWait,
                sendStall,
                keepaliveIdle,
                keepaliveInterval,
                keepaliveProbes,
                grace,
                limit);
    }
}
