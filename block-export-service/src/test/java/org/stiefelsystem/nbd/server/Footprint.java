package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.File;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Objects;

/** What this process has before bad clients come, and has again once they are gone. */
record Footprint(int descriptors, long heapBytes, long directBytes) {

    /** Of what the garbage collector has not seen yet, or is kept for the next client. */
    private static final long SLACK = 16 << 20;

    private static final Duration DEADLINE = Duration.ofSeconds(20);

    static Footprint now() {
        System.gc();
        return new Footprint(openDescriptors(), usedHeap(), usedDirect());
    }

    /** The threads of connections. */
    static long connectionThreads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().matches("nbd-[0-9]+"))
                .count();
    }

    static int openDescriptors() {
        return Objects.requireNonNull(new File("/proc/self/fd").list()).length;
    }

    private static long usedHeap() {
        return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    }

    static long usedDirect() {
        return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
                .filter(pool -> pool.getName().equals("direct"))
                .mapToLong(BufferPoolMXBean::getMemoryUsed)
                .sum();
    }

    /** Waits until no connection is left, nor a descriptor or memory of one. */
    void assertIsBack() {
        await().atMost(DEADLINE).until(() -> connectionThreads() == 0);
        await().atMost(DEADLINE)
                .untilAsserted(
                        () -> assertThat(openDescriptors()).as("open files").isLessThanOrEqualTo(descriptors));
        await().atMost(DEADLINE).untilAsserted(() -> {
            System.gc();
            assertThat(usedHeap()).as("heap").isLessThan(heapBytes + SLACK);
            assertThat(usedDirect()).as("direct memory").isLessThan(directBytes + SLACK);
        });
    }
}
