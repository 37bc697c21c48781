package org.stiefelsystem.nbd.app;

import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.stiefelsystem.nbd.export.DiskPart;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.Printable;
import org.stiefelsystem.nbd.export.RefusedException;
import org.stiefelsystem.nbd.server.NbdServer;

/** Exports that come, grow and go while the server runs. One change at a time. */
class RunTimeExports {

    private static final int MAX_PATH = 200;

    private final Exports exports;
    private final NbdServer server;
    private final NbdMetrics metrics;
    private final AllowedPaths allowed;

    RunTimeExports(Exports exports, NbdServer server, NbdMetrics metrics, AllowedPaths allowed) {
        this.exports = exports;
        this.server = server;
        this.metrics = metrics;
        this.allowed = allowed;
    }

    /** It lies outside of what a request may have opened. */
    static final class OutsideException extends Exception {

        private static final long serialVersionUID = 1L;

        OutsideException(String words) {
            super(words);
        }
    }

    synchronized Export add(String name, String path, boolean readOnly, DiskPart part)
            throws IOException, OutsideException {
        Path real = AllowedPaths.real(path(path));
        if (!allowed.allows(real)) {
            throw outside(real);
        }
        Export export = Export.open(name, real, readOnly, part);
        // A link may have been put in the place of what was looked at.
        if (!allowed.allows(export.opened())) {
            export.close();
            throw outside(real);
        }
        exports.add(export);
        metrics.register(export);
        return export;
    }

    private OutsideException outside(Path real) {
        return new OutsideException("%s is outside of what this server may open on request, which is: %s."
                .formatted(Printable.of(real.toString(), MAX_PATH), allowed.words()));
    }

    private static Path path(String text) throws RefusedException {
        try {
            Path path = Path.of(text);
            if (path.isAbsolute()) {
                return path;
            }
        } catch (InvalidPathException e) {
            // Said below.
        }
        throw new RefusedException(
                "\"%s\" is no absolute path.".formatted(Printable.of(text, MAX_PATH)),
                "It begins with / and names a disk.");
    }

    /** Found when its turn comes, since the change before may be its removal. */
    synchronized void remove(Supplier<Export> found) throws RefusedException {
        Export export = found.get();
        server.remove(export);
        metrics.remove(export);
    }

    synchronized Export grow(Supplier<Export> found) throws IOException {
        Export export = found.get();
        exports.leases().grow(export);
        return export;
    }
}
