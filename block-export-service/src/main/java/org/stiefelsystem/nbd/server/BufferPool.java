package org.stiefelsystem.nbd.server;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;

/**
 * Direct buffers, reused (the garbage collector is slow to free them) and bounded: full-sized buffers while the budget
 * lasts, small ones for connections that come later; large replies wait for each other.
 */
final class BufferPool {

    static final int SMALL_BYTES = 32 << 10;

    private static final int KEPT = 16;
    private static final int LARGE_KEPT = 2;

    /** Larger buffers go back to the garbage collector: only rare replies need them. */
    private static final int LARGEST_KEPT_BYTES = 1 << 20;

    private final NbdLimits limits;
    private final IntFunction<ByteBuffer> allocator;
    private final Map<Integer, ArrayDeque<ByteBuffer>> free = new HashMap<>();
    private final Semaphore replyBytes;
    private long connectionBytes;

    BufferPool(NbdLimits limits) {
        this(limits, ByteBuffer::allocateDirect);
    }

    BufferPool(NbdLimits limits, IntFunction<ByteBuffer> allocator) {
        this.limits = limits;
        this.allocator = allocator;
        this.replyBytes = new Semaphore(limits.replyBytesInMemory(), true);
    }

    /** The two buffers of one connection in transmission. */
    record Buffers(ByteBuffer received, ByteBuffer replies) {}

    synchronized Buffers takeForTransmission() {
        int bytes = limits.receiveBytes() + limits.replyBytes();
        boolean full = connectionBytes + bytes <= limits.bufferBytes();
        ByteBuffer received = take(full ? limits.receiveBytes() : SMALL_BYTES);
        try {
            Buffers buffers = new Buffers(received, take(full ? limits.replyBytes() : SMALL_BYTES));
            connectionBytes += full ? bytes : 2L * SMALL_BYTES;
            return buffers;
        } catch (OutOfMemoryError e) {
            give(received);
            throw e;
        }
    }

    synchronized void give(Buffers buffers) {
        connectionBytes -= buffers.received().capacity() + buffers.replies().capacity();
        give(buffers.received());
        give(buffers.replies());
    }

    ByteBuffer takeForHandshake() {
        return take(limits.optionBytes());
    }

    /** Memory for a whole large reply; waits until there is some, but not for ever. */
    ByteBuffer takeForReply(int bytes) throws IOException {
        int capacity = capacityFor(bytes);
        try {
            if (!replyBytes.tryAcquire(capacity, limits.replyMemoryWait().toNanos(), TimeUnit.NANOSECONDS)) {
                throw new IOException("no memory for a reply of %d bytes within %d ms"
                        .formatted(bytes, limits.replyMemoryWait().toMillis()));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while waiting for memory");
        }
        try {
            return take(capacity).limit(bytes);
        } catch (OutOfMemoryError e) {
            replyBytes.release(capacity);
            throw e;
        }
    }

    /** A power of two, so that buffers are found again, and at most what the largest reply needs. */
    private int capacityFor(int bytes) {
        int power = Integer.highestOneBit(Math.max(1, bytes - 1)) << 1;
        return Math.max(SMALL_BYTES, Math.min(power, limits.requestBytes()));
    }

    void giveFromReply(ByteBuffer buffer) {
        give(buffer);
        replyBytes.release(buffer.capacity());
    }

    private synchronized ByteBuffer take(int capacity) {
        ArrayDeque<ByteBuffer> kept = free.get(capacity);
        ByteBuffer buffer = kept == null ? null : kept.pollFirst();
        return buffer == null ? allocator.apply(capacity) : buffer.clear();
    }

    synchronized void give(ByteBuffer buffer) {
        if (buffer.capacity() > LARGEST_KEPT_BYTES) {
            return;
        }
        ArrayDeque<ByteBuffer> kept = free.computeIfAbsent(buffer.capacity(), capacity -> new ArrayDeque<>());
        if (kept.size() < (buffer.capacity() > limits.receiveBytes() ? LARGE_KEPT : KEPT)) {
            kept.addFirst(buffer);
        }
    }
}
