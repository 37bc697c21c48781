package org.stiefelsystem.shell.service;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.service.annotation.DeleteExchange;
import org.springframework.web.service.annotation.GetExchange;
import org.springframework.web.service.annotation.PostExchange;

/** The admin API of the block export. */
public interface ExportClient {

    @GetExchange("/exports")
    List<Export> exports();

    /** Takes an export from its holder, who is refused from then on. */
    @DeleteExchange("/lease")
    BrokenLease breakLease(@RequestParam("export") String export);

    /** Asks the guest that has the export to shut down. */
    @PostExchange("/shutdown")
    Asked askToShutDown(@RequestParam("export") String export);

    /**
     * One export as the service tells it.
     *
     * @param state {@code free}, {@code held}, {@code waiting} for a holder that is not connected, or {@code failed}
     * @param holder the link address of whoever writes to it, or null
     * @param bootId of a holder that is a guest, or null
     * @param since when the holder was first let in, or null
     */
    record Export(
            String name,
            String path,
            long size,
            boolean readOnly,
            String state,
            @Nullable String holder,
            @Nullable String bootId,
            @Nullable Instant since,
            int reconnects,
            int connections,
            long bytesRead,
            long bytesWritten,
            long bytesUnflushed) {

        /** The first digits tell boots apart; a tool has none. */
        public String shortBootId() {
            return bootId == null ? "-" : bootId.substring(0, 8);
        }

        /** How long the holder has had it, in words; empty when nobody has. */
        public String age() {
            if (since == null) {
                return "";
            }
            Duration age = Duration.between(since, Instant.now());
            if (age.toMinutes() == 0) {
                return Math.max(0, age.toSeconds()) + " s";
            }
            return age.toHours() == 0 ? age.toMinutes() + " min" : age.toHours() + " h " + age.toMinutesPart() + " min";
        }
    }

    /** Who had an export until now. */
    record BrokenLease(String holder, @Nullable String bootId) {}

    /** Whether a guest has answered that it shuts down. */
    record Asked(boolean answered) {}
}
