package org.stiefelsystem.payload;

/** There is nothing to boot, or not all of it: what is missing, and what to do about it. */
public final class PayloadUnavailable extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final String remedy;

    public PayloadUnavailable(String message, String remedy) {
        super(message);
        this.remedy = remedy;
    }

    public String remedy() {
        return remedy;
    }
}
