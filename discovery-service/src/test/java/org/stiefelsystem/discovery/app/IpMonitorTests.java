package org.stiefelsystem.discovery.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.hamcrest.Matchers.is;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

@ExtendWith(OutputCaptureExtension.class)
class IpMonitorTests {

    @TempDir
    Path temporary;

    private final AtomicInteger started = new AtomicInteger();
    private final AtomicInteger lines = new AtomicInteger();
    private final List<Duration> pauses = new CopyOnWriteArrayList<>();

    @Test
    void eachLineOfEitherOutputIsAChange() {
        try (IpMonitor monitor = monitor("echo one; echo two >&2; echo three; exec sleep 9870", pause -> {})) {
            monitor.start();
            assertThat(started).hasValue(1);
            await().untilAtomic(lines, is(3));
        }
    }

    @Test
    void oneThatEndsIsStartedAgainEverMoreSlowlyAndItIsSaidOnce(CapturedOutput output) {
        CountDownLatch enough = new CountDownLatch(9);
        try (IpMonitor monitor = monitor("echo no such socket; exit 1", pause -> {
            pauses.add(pause);
            enough.countDown();
            if (enough.getCount() == 0) {
                Thread.sleep(Duration.ofMinutes(1));
            }
        })) {
            monitor.start();
            await().untilAsserted(() -> assertThat(enough.getCount()).isZero());
        }
        assertThat(pauses).extracting(Duration::toSeconds).containsExactly(1L, 2L, 4L, 8L, 16L, 32L, 60L, 60L, 60L);
        assertThat(started).hasValue(9);
        assertThat(output.getOut().split("has ended \\(no such socket\\)", -1)).hasSize(2);
    }

    @Test
    void oneThatCannotBeRunIsTriedAgain() {
        Path program = temporary.resolve("ip");
        try (IpMonitor monitor = new IpMonitor(
                List.of(program.toString()),
                started::incrementAndGet,
                lines::incrementAndGet,
                pause -> install(program))) {
            monitor.start();
            assertThat(started).hasValue(0);
            await().untilAtomic(lines, is(1));
        }
    }

    @Test
    void closeEndsTheChildAndSaysNothing(CapturedOutput output) throws Exception {
        IpMonitor monitor = monitor("echo $$ >pid; echo started; exec sleep 9870", Thread::sleep);
        monitor.start();
        await().untilAtomic(lines, is(1));
        ProcessHandle child = ProcessHandle.of(Long.parseLong(
                        Files.readString(temporary.resolve("pid")).strip()))
                .orElseThrow();
        monitor.close();
        await().until(() -> !child.isAlive());
        assertThat(output.getOut()).doesNotContain("has ended");
        monitor.close();
    }

    private static void install(Path program) {
        if (Files.exists(program)) {
            return;
        }
        try {
            Path whole = program.resolveSibling("whole");
            Files.writeString(whole, "#!/bin/sh\necho here; exec sleep 9870\n");
            Files.setPosixFilePermissions(whole, PosixFilePermissions.fromString("rwx------"));
            Files.move(whole, program);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private IpMonitor monitor(String script, Sleeper sleeper) {
        return new IpMonitor(
                List.of("sh", "-c", "cd '" + temporary + "' && " + script),
                started::incrementAndGet,
                lines::incrementAndGet,
                sleeper);
    }
}
