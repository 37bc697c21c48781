package org.stiefelsystem.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.stiefelsystem.discovery.TestLinks.UP;
import static org.stiefelsystem.discovery.TestLinks.link;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.net.InetAddress;
import java.time.Clock;
import java.util.List;
import org.junit.jupiter.api.Test;

class DiscoveryConversationTests {

    private static final InetAddress GUEST = InetAddress.ofLiteral("10.1.0.2");

    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private final NetworkLinks links =
            new NetworkLinks(() -> List.of(link("cable", 7, UP, "10.1.0.1/24")), Clock.systemUTC());
    private final DiscoveryConversation conversation = new DiscoveryConversation(
            new DiscoveryResponder(() -> new PlainOffer("cable", InetAddress.ofLiteral("10.1.0.1"), 4644)),
            links,
            meters,
            () -> 0);

    @Test
    void answerToAFindIsCountedAndTimed() {
        byte[] find = new Find("00112233445566778899aabbccddeeff").encode();
        assertThat(conversation.answer(find, GUEST, 0))
                .hasValueSatisfying(answer -> assertThat(answer).hasSizeLessThan(find.length));
        assertThat(counted("find", "answered")).isEqualTo(1);
        assertThat(meters.timer("stiefel.discovery.reply").count()).isEqualTo(1);
    }

    @Test
    void findOnAnotherLinkIsCountedAndNotAnswered() {
        byte[] find = new Find("00112233445566778899aabbccddeeff").encode();
        assertThat(conversation.answer(find, InetAddress.ofLiteral("10.9.0.2"), 0))
                .isEmpty();
        assertThat(counted("find", "silent")).isEqualTo(1);
    }

    @Test
    void malformedIsCountedAndNotAnswered() {
        assertThat(conversation.answer(new byte[0], GUEST, 0)).isEmpty();
        assertThat(counted("other", "malformed")).isEqualTo(1);
    }

    private double counted(String type, String outcome) {
        return meters.counter("stiefel.discovery.messages", "type", type, "outcome", outcome)
                .count();
    }
}
