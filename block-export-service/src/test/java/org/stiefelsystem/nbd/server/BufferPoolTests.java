package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** What is lent is bounded, and nothing gets lost where there is no memory. */
class BufferPoolTests {

    private static final NbdLimits LIMITS = NbdLimits.defaults().withReplyMemory(32 << 20, Duration.ofMillis(10));

    private int allocations;
    private int failing;

    private ByteBuffer allocate(int capacity) {
        if (++allocations == failing) {
            throw new OutOfMemoryError("as the test wants it");
        }
        return ByteBuffer.allocate(capacity);
    }

    private BufferPool pool() {
        return new BufferPool(LIMITS, this::allocate);
    }

    @Test
    void aFailedAllocationCostsNothing() {
        BufferPool pool = pool();
        for (failing = 1; failing < 400; failing += 2) {
            allocations = failing - 1;
            assertThatExceptionOfType(OutOfMemoryError.class).isThrownBy(pool::takeForTransmission);
        }
        failing = 0;
        for (long bytes = 0; bytes < LIMITS.bufferBytes(); bytes += LIMITS.receiveBytes() + LIMITS.replyBytes()) {
            assertThat(pool.takeForTransmission().replies().capacity()).isEqualTo(LIMITS.replyBytes());
        }
        assertThat(pool.takeForTransmission().replies().capacity()).isEqualTo(BufferPool.SMALL_BYTES);
    }

    @Test
    void theFirstBufferIsGivenBackWhereTheSecondFails() {
        BufferPool pool = pool();
        failing = 2;
        assertThatExceptionOfType(OutOfMemoryError.class).isThrownBy(pool::takeForTransmission);
        pool.takeForTransmission();
        assertThat(allocations).isEqualTo(3);
    }

    @Test
    void aFailedReplyCostsNothing() throws IOException {
        BufferPool pool = pool();
        failing = 1;
        assertThatExceptionOfType(OutOfMemoryError.class).isThrownBy(() -> pool.takeForReply(32 << 20));
        assertThat(pool.takeForReply(32 << 20).remaining()).isEqualTo(32 << 20);
    }

    @Test
    void repliesCountAsTheMemoryThatTheyTakeAndDoNotWaitForEver() throws IOException {
        BufferPool pool = pool();
        ByteBuffer reply = pool.takeForReply((16 << 20) + 1);
        assertThat(reply.remaining()).isEqualTo((16 << 20) + 1);
        assertThat(reply.capacity()).isEqualTo(32 << 20);
        assertThatIOException().isThrownBy(() -> pool.takeForReply(1)).withMessageContaining("no memory");
        pool.giveFromReply(reply);
        assertThat(pool.takeForReply(32 << 20)).isNotSameAs(reply);
    }
}
