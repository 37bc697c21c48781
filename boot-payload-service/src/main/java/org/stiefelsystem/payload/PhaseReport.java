package org.stiefelsystem.payload;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a guest tells about its boot: {@code boot-id=<32 hex>}, then a line {@code <phase> <seconds>} for each phase, last
 * perhaps {@code failed <seconds> <words>}. Seconds count from the start of the guest's first kernel.
 *
 * @param failed why the boot ended early, in the guest's words, or null
 */
public record PhaseReport(
        BootId bootId, List<PhaseTime> phases, @Nullable String failed) {

    /** The most that is read of a report. */
    public static final int MAX_BYTES = 4096;

    public static final int MAX_LINES = 32;

    private static final int MAX_WORDS = 200;
    private static final String BOOT_ID = "boot-id=";
    private static final Pattern LINE = Pattern.compile("([a-z][a-z0-9-]{0,31}) ([0-9]{1,6}(?:\\.[0-9]{1,9})?)( .*)?");

    /** A phase and when it was reached. */
    public record PhaseTime(Phase phase, double seconds) {}

    public static PhaseReport decode(byte[] body) throws MalformedReport {
        if (body.length > MAX_BYTES) {
            throw new MalformedReport("A report has at most " + MAX_BYTES + " bytes");
        }
        List<String> lines = text(body).lines().toList();
        if (lines.size() > MAX_LINES) {
            throw new MalformedReport("A report has at most " + MAX_LINES + " lines");
        }
        if (lines.isEmpty() || !lines.getFirst().startsWith(BOOT_ID)) {
            throw new MalformedReport("Line 1 is not boot-id=<32 hex>");
        }
        String hex = lines.getFirst().substring(BOOT_ID.length());
        if (!BootId.isOne(hex)) {
            throw new MalformedReport("Line 1 is not boot-id=<32 hex>");
        }
        List<PhaseTime> phases = new ArrayList<>();
        String failed = null;
        for (int i = 1; i < lines.size(); i++) {
            Matcher line = LINE.matcher(lines.get(i));
            if (!line.matches() || failed != null) {
                throw new MalformedReport("Line " + (i + 1) + " is not <phase> <seconds>");
            }
            double seconds = Double.parseDouble(line.group(2));
            String words = line.group(3);
            if (line.group(1).equals("failed")) {
                failed = words == null ? "no reason given" : shortened(words.strip());
            } else if (words != null) {
                throw new MalformedReport("Line " + (i + 1) + " goes on after its seconds");
            } else {
                // A newer guest may know phases that we do not: they are left out.
                Phase.of(line.group(1)).ifPresent(phase -> phases.add(new PhaseTime(phase, seconds)));
            }
        }
        return new PhaseReport(new BootId(hex), List.copyOf(phases), failed);
    }

    private static String text(byte[] body) throws MalformedReport {
        String text;
        try {
            text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(body))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new MalformedReport("A report is text in UTF-8");
        }
        // These words are shown on terminals later.
        if (text.chars().anyMatch(c -> Character.isISOControl(c) && c != '\n')) {
            throw new MalformedReport("A report has no control characters but line ends");
        }
        return text;
    }

    private static String shortened(String words) {
        return words.length() <= MAX_WORDS ? words : words.substring(0, MAX_WORDS);
    }
}
