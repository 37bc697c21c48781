package org.stiefelsystem.payload.web;

/** A range that begins behind the file's end. */
final class RangeNotSatisfiable extends Exception {

    private static final long serialVersionUID = 1L;

    private final long size;

    RangeNotSatisfiable(long size) {
        super("The file has " + size + " bytes");
        this.size = size;
    }

    long size() {
        return size;
    }
}
