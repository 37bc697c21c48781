package org.stiefelsystem.nbd.server;

import java.util.Locale;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.PeerAddress;
import org.stiefelsystem.nbd.export.Printable;
import org.stiefelsystem.nbd.protocol.Command;
import org.stiefelsystem.nbd.protocol.NbdError;

/** What one connection did with the export that it got, for one line in the log. One thread uses it. */
final class Audit implements NbdObserver {

    private static final int MAX_WORDS = 200;
    private static final int BOOT_ID_DIGITS = 8;

    private final PeerAddress peer;
    private final Negotiated negotiated;
    private final NbdObserver next;
    private final long start = System.nanoTime();
    private long bytesRead;
    private long bytesWritten;
    private long requests;

    Audit(PeerAddress peer, Negotiated negotiated, NbdObserver next) {
        this.peer = peer;
        this.negotiated = negotiated;
        this.next = next;
    }

    @Override
    public void answered(Export export, Command command, NbdError result, long length, long nanos) {
        requests++;
        if (result == NbdError.NONE && command == Command.READ) {
            bytesRead += length;
        } else if (result == NbdError.NONE && command == Command.WRITE) {
            bytesWritten += length;
        }
        next.answered(export, command, result, length, nanos);
    }

    /** Bytes are those of READ and WRITE that succeeded; requests are all that were answered. */
    String line(String why) {
        String bootId = negotiated.bootId();
        return String.format(
                Locale.ROOT,
                "audit peer=%s export=%s boot=%s read=%d written=%d requests=%d seconds=%.3f ended=%s",
                peer,
                quoted(negotiated.export().name()),
                bootId == null ? "-" : bootId.substring(0, BOOT_ID_DIGITS),
                bytesRead,
                bytesWritten,
                requests,
                (System.nanoTime() - start) / 1e9,
                quoted(why));
    }

    private static String quoted(String words) {
        return '"' + Printable.of(words, MAX_WORDS).replace('"', '\'') + '"';
    }
}
