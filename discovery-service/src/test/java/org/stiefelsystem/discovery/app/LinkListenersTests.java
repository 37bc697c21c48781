package org.stiefelsystem.discovery.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.stiefelsystem.discovery.TestLinks.linkLocal;

import java.io.IOException;
import java.net.Inet6Address;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.stiefelsystem.discovery.LinkLocal;
import org.stiefelsystem.discovery.PlainOffer;

@ExtendWith(OutputCaptureExtension.class)
class LinkListenersTests {

    private static final LinkLocal FIRST = linkLocal("usb0", 7, "fe80::1");
    private static final LinkLocal SECOND = linkLocal("usb0", 8, "fe80::2");
    private static final LinkLocal THIRD = linkLocal("usb0", 9, "fe80::3");

    private final Service export = new Service("export");
    private final Service payload = new Service("payload");
    private final List<Duration> pauses = new CopyOnWriteArrayList<>();
    private final LinkListeners listeners = new LinkListeners(
            new PlainOffer("usb0", FIRST.address(), 4644), FIRST, List.of(export, payload), pauses::add);

    @AfterEach
    void close() {
        listeners.close();
    }

    @Test
    void allServicesMoveAndThenGuestsAreTold() {
        payload.before = () -> assertThat(scope()).as("not before they listen").isEqualTo(7);
        listeners.moveTo(SECOND);
        assertThat(listeners.wanted()).isEqualTo(SECOND);
        await().until(() -> scope() == 8);
        assertThat(export.listening).containsExactly(SECOND);
        assertThat(payload.listening).containsExactly(SECOND);
        assertThat(listeners.waitingFor()).isEmpty();
        assertThat(pauses).isEmpty();
        assertThat(listeners.offer()).isEqualTo(new PlainOffer("usb0", SECOND.address(), 4644));
    }

    @Test
    void oneThatDoesNotFollowIsAskedAgainEverMoreSlowlyAndDoesNotHoldUpTheOthers(CapturedOutput output) {
        export.failures.set(8);
        listeners.moveTo(SECOND);
        await().until(() -> export.listening.contains(SECOND));
        await().until(() -> listeners.waitingFor().isEmpty());
        assertThat(payload.listening).as("told once").containsExactly(SECOND);
        assertThat(pauses)
                .extracting(Duration::toMillis)
                .containsExactly(500L, 1000L, 2000L, 4000L, 8000L, 15_000L, 15_000L, 15_000L);
        assertThat(output.getOut().split("export does not listen at fe80::2%usb0 yet: not there", -1))
                .as("said once")
                .hasSize(2);
        assertThat(output.getOut())
                .containsPattern("WARN .* export listens at fe80::2%usb0")
                .containsPattern("INFO .* payload listens at fe80::2%usb0");
    }

    @Test
    void whoIsWaitedForIsKnownAndGuestsAreToldNevertheless() {
        CountDownLatch hung = new CountDownLatch(1);
        export.failures.set(Integer.MAX_VALUE);
        try (LinkListeners slow = new LinkListeners(
                new PlainOffer("usb0", FIRST.address(), 4644),
                FIRST,
                List.of(export, payload),
                pause -> hung.await())) {
            slow.moveTo(SECOND);
            await().until(() -> slow.offer().bind().equals(SECOND.address()));
            assertThat(slow.waitingFor()).containsExactly("export");

            export.failures.set(0);
            slow.moveTo(THIRD);
            await().until(() -> slow.waitingFor().isEmpty());
            assertThat(export.listening).as("the move before is given up").containsExactly(THIRD);
            assertThat(payload.listening).containsExactly(SECOND, THIRD);
        }
    }

    private int scope() {
        return ((Inet6Address) listeners.offer().bind()).getScopeId();
    }

    /** A service that follows after some failures. */
    private static final class Service implements LinkListeners.Listener {
        private final String name;
        private final List<LinkLocal> listening = new CopyOnWriteArrayList<>();
        private final AtomicInteger failures = new AtomicInteger();
        private volatile Runnable before = () -> {};

        Service(String name) {
            this.name = name;
        }

        @Override
        public String service() {
            return name;
        }

        @Override
        public void listenAt(LinkLocal address) throws IOException {
            before.run();
            if (failures.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
                throw new IOException("not there");
            }
            listening.add(address);
        }
    }
}
