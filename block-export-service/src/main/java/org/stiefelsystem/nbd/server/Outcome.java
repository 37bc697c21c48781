package org.stiefelsystem.nbd.server;

/** Where an option leads. */
sealed interface Outcome {

    /** To the next option. */
    record NextOption() implements Outcome {}

    /** Out: the client took its leave. */
    record Goodbye() implements Outcome {}

    /** To transmission. */
    record Agreed(Negotiated negotiated) implements Outcome {}
}
