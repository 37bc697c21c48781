package org.stiefelsystem.nbd.server;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Semaphore;

/**
 * Direct buffers, reused (the garbage collector is slow to free them) and bounded: full-sized buffers while the budget
 * lasts, small ones for connections that come later; large replies wait for each other.
 */
final class BufferPool {

    static final int SMALL_BYTES = 32 << 10;

    private static final int KEPT = 16;

    private final NbdLimits limits;
    private final Map<Integer, ArrayDeque<ByteBuffer>> free = new HashMap<>();
    private final Semaphore replyBytes;
    private long connectionBytes;

    BufferPool(NbdLimits limits) {
        this.limits = limits;
        this.replyBytes = new Semaphore(limits.replyBytesInMemory(), true);
    }

    /** The two buffers of one connection in transmission. */
    record Buffers(ByteBuffer received, ByteBuffer replies) {}

    synchronized Buffers takeForTransmission() {
        int bytes = limits.receiveBytes() + limits.replyBytes();
        boolean full = connectionBytes + bytes <= limits.bufferBytes();
        connectionBytes += full ? bytes : 2L * SMALL_BYTES;
        return new Buffers(
                take(full ? limits.receiveBytes() : SMALL_BYTES), take(full ? limits.replyBytes() : SMALL_BYTES));
    }

    synchronized void give(Buffers buffers) {
        connectionBytes -= buffers.received().capacity() + buffers.replies().capacity();
        give(buffers.received());
        give(buffers.replies());
    }

    ByteBuffer takeForHandshake() {
        return take(limits.optionBytes());
    }

    /** Memory for a whole large reply; waits until there is some. */
    ByteBuffer takeForReply(int bytes) {
        replyBytes.acquireUninterruptibly(bytes);
        try {
            return take(Math.max(SMALL_BYTES, Integer.highestOneBit(Math.max(1, bytes - 1)) << 1))
                    .limit(bytes);
        } catch (OutOfMemoryError e) {
            replyBytes.release(bytes);
            throw e;
        }
    }

    void giveFromReply(ByteBuffer buffer, int bytes) {
        give(buffer);
        replyBytes.release(bytes);
    }

    private synchronized ByteBuffer take(int capacity) {
        ArrayDeque<ByteBuffer> kept = free.get(capacity);
        ByteBuffer buffer = kept == null ? null : kept.pollFirst();
        return buffer == null ? ByteBuffer.allocateDirect(capacity) : buffer.clear();
    }

    synchronized void give(ByteBuffer buffer) {
        ArrayDeque<ByteBuffer> kept = free.computeIfAbsent(buffer.capacity(), capacity -> new ArrayDeque<>());
        if (kept.size() < (buffer.capacity() > limits.receiveBytes() ? 2 : KEPT)) {
            kept.addFirst(buffer);
        }
    }
}
