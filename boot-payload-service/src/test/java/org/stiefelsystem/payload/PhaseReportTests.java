package org.stiefelsystem.payload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.stiefelsystem.payload.PhaseReport.PhaseTime;

class PhaseReportTests {

    private static final String ID = "00112233445566778899aabbccddeeff";

    /** As the agent sends it. */
    private static final String GOLDEN = "boot-id=" + ID + "\nagent 1.25\nlink 2\nroot-link 12.5\n";

    @Test
    void decodeReadsAReport() throws Exception {
        assertThat(decode(GOLDEN))
                .isEqualTo(new PhaseReport(
                        new BootId(ID),
                        List.of(
                                new PhaseTime(Phase.AGENT, 1.25),
                                new PhaseTime(Phase.LINK, 2),
                                new PhaseTime(Phase.ROOT_LINK, 12.5)),
                        null));
    }

    @Test
    void decodeReadsAFailure() throws Exception {
        assertThat(decode(GOLDEN + "failed 13.5 the kernel's SHA-256 is not the promised one")
                        .failed())
                .isEqualTo("the kernel's SHA-256 is not the promised one");
        assertThat(decode(GOLDEN + "failed 13.5").failed()).isEqualTo("no reason given");
    }

    @Test
    void decodeLeavesOutPhasesOfNewerGuests() throws Exception {
        assertThat(decode("boot-id=" + ID + "\nteleport 3\nnbd 4\n").phases())
                .containsExactly(new PhaseTime(Phase.NBD, 4));
    }

    @Test
    void decodeWhenTruncatedAnywhereIsARefusalOrAReport() {
        byte[] whole = GOLDEN.getBytes(StandardCharsets.US_ASCII);
        for (int length = 0; length < 8 + 32; length++) {
            byte[] truncated = Arrays.copyOf(whole, length);
            assertThatThrownBy(() -> PhaseReport.decode(truncated)).isInstanceOf(MalformedReport.class);
        }
        for (int length = 40; length < whole.length; length++) {
            refusedOrRead(Arrays.copyOf(whole, length));
        }
    }

    @Test
    void decodeOfMalformedLinesThrowsNamingTheLine() {
        for (String line : new String[] {
            "agent",
            "agent x",
            "agent -1",
            "agent 1e9",
            "agent 1.",
            "agent 1 2",
            "Agent 1",
            "agent  1",
            "",
            "agent 1234567",
            "agent 1\u0007",
            "failed 1 why\nagent 1"
        }) {
            assertThatThrownBy(() -> decode("boot-id=" + ID + "\nlink 1\n" + line + "\n"))
                    .as(line)
                    .isInstanceOf(MalformedReport.class);
        }
        assertThatThrownBy(() -> decode("boot-id=" + ID + "\nlink 1\nagent x\n"))
                .hasMessage("Line 3 is not <phase> <seconds>");
    }

    @Test
    void decodeTakesLinesAndBytesAtTheirLimitsOnly() throws Exception {
        assertThat(decode("boot-id=" + ID + "\n" + "agent 1\n".repeat(31)).phases())
                .hasSize(31);
        assertThatThrownBy(() -> decode("boot-id=" + ID + "\n" + "agent 1\n".repeat(32)))
                .isInstanceOf(MalformedReport.class);
        String start = "boot-id=" + ID + "\nfailed 1 ";
        assertThat(decode(start + "x".repeat(4096 - start.length())).failed()).hasSize(200);
        assertThatThrownBy(() -> decode(start + "x".repeat(4097 - start.length())))
                .isInstanceOf(MalformedReport.class);
    }

    @Test
    void decodeOfAnythingIsARefusalAndNothingElse() {
        Random random = new Random(4644);
        for (int round = 0; round < 5000; round++) {
            byte[] noise = new byte[random.nextInt(600)];
            random.nextBytes(noise);
            byte[] start = ("boot-id=" + ID + "\n").getBytes(StandardCharsets.US_ASCII);
            if (round % 2 == 0 && noise.length > start.length) {
                System.arraycopy(start, 0, noise, 0, start.length);
            }
            refusedOrRead(noise);
        }
    }

    private static void refusedOrRead(byte[] body) {
        try {
            assertThat(PhaseReport.decode(body).bootId().hex()).isEqualTo(ID);
        } catch (MalformedReport e) {
            assertThat(e).hasMessageNotContaining("null");
        }
    }

    private static PhaseReport decode(String text) throws MalformedReport {
        return PhaseReport.decode(text.getBytes(StandardCharsets.UTF_8));
    }
}
