package org.stiefelsystem.nbd.protocol;

/** The option's data does not have its form; becomes {@link OptionRequest.Malformed}. */
final class MalformedOption extends Exception {

    private static final long serialVersionUID = 1L;

    MalformedOption(String message) {
        super(message, null, false, false);
    }
}
