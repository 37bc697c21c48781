package org.stiefelsystem.nbd.server;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** Nobody reads what the server says of thousands of bad peers; a fault of its own is a find. */
final class Faults extends Handler implements AutoCloseable {

    private final Logger log = Logger.getLogger("org.stiefelsystem.nbd");
    private final AtomicInteger errors = new AtomicInteger();
    private final List<String> found = new CopyOnWriteArrayList<>();

    /** Silences the log until {@link #close()}. */
    static Faults listen() {
        Faults faults = new Faults();
        faults.log.setUseParentHandlers(false);
        faults.log.addHandler(faults);
        return faults;
    }

    /** What the server logged with a stack trace. */
    List<String> found() {
        return found;
    }

    /** How many lines the server logged as errors. */
    int errors() {
        return errors.get();
    }

    @Override
    public void publish(LogRecord line) {
        if (line.getLevel().equals(Level.SEVERE)) {
            errors.incrementAndGet();
        }
        if (line.getThrown() != null) {
            found.add(line.getMessage() + ": " + line.getThrown());
        }
    }

    @Override
    public void flush() {
        // Nothing is kept back.
    }

    @Override
    public void close() {
        log.removeHandler(this);
        log.setUseParentHandlers(true);
    }
}
