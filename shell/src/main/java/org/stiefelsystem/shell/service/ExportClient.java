package org.stiefelsystem.shell.service;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.service.annotation.DeleteExchange;
import org.springframework.web.service.annotation.GetExchange;
import org.springframework.web.service.annotation.PostExchange;
import org.springframework.web.service.annotation.PutExchange;

/** The admin API of the block export. */
public interface ExportClient {

    @GetExchange("/exports")
    List<Export> exports();

    /** Serves a disk, or a part of one, from now on. */
    @PostExchange("/exports")
    Export add(@RequestBody NewExport wanted);

    /** Serves it no more; its connections end, which may take 20 s. */
    @DeleteExchange("/exports")
    void remove(@RequestParam("name") String name);

    /** Its disk has grown. */
    @PostExchange("/exports/grow")
    Export grow(@RequestParam("name") String name);

    /** Takes an export from this holder ({@link Export#holderId}), who is refused from then on; 409 when it has it no more. */
    @DeleteExchange("/lease")
    BrokenLease breakLease(@RequestParam("export") String export, @RequestParam("holder") @Nullable String holder);

    /** Asks this guest to shut down; 409 when it does not have the export any more. */
    @PostExchange("/shutdown")
    Asked askToShutDown(@RequestParam("export") String export, @RequestParam("holder") @Nullable String holder);

    /** Lets nobody in who has no export yet, for half a minute, or does so again. */
    @PutExchange("/admission")
    void admit(@RequestBody Admission admission);

    /**
     * What is to be served.
     *
     * @param offset with or without a size, of a part of the disk
     * @param partition another way to name a part
     */
    record NewExport(
            String name,
            String path,
            boolean readOnly,
            @Nullable Long offset,
            @Nullable Long size,
            @Nullable Integer partition) {}

    /**
     * One export as the service tells it.
     *
     * @param offset of a part of the disk, or null
     * @param partition which that is, or null
     * @param failure why it has failed, or null
     * @param served false for a lease that is kept while nothing is served under its name
     * @param state {@code free}, {@code held}, {@code waiting} for a holder that is not connected, or {@code failed}
     * @param holder the link address of whoever writes to it, or null
     * @param bootId of a holder that is a guest, or null
     * @param since when the holder was first let in, or null
     * @param bytesWrittenByHolder since the service started
     */
    record Export(
            String name,
            String path,
            long size,
            @Nullable Long offset,
            @Nullable Integer partition,
            boolean readOnly,
            boolean served,
            String state,
            @Nullable String failure,
            @Nullable String holder,
            @Nullable String bootId,
            @Nullable Instant since,
            int reconnects,
            int connections,
            long bytesRead,
            long bytesWritten,
            long bytesUnflushed,
            long bytesWrittenByHolder) {

        /** What the holder is called: its boot id, or its address if it has none, or null. */
        public @Nullable String holderId() {
            return bootId == null ? holder : bootId;
        }

        /** The holder, for people. */
        public String holderWords() {
            return holder + (bootId == null ? ", a tool" : " (boot " + shortBootId() + ")");
        }

        /** Its disk, and which part of it. */
        public String where() {
            return path
                    + (partition != null ? ", partition " + partition : offset != null ? ", from byte " + offset : "");
        }

        public String access() {
            return !served ? "-" : readOnly ? "read-only" : "writable";
        }

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

    /** Whether those are let in who have no export yet. */
    record Admission(boolean open) {}

    /** Who had an export until now. */
    record BrokenLease(String holder, @Nullable String bootId) {}

    /** Whether a guest has answered that it shuts down. */
    record Asked(boolean answered) {}
}
