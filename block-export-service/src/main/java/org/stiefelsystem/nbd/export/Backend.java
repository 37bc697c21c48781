package org.stiefelsystem.nbd.export;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.nbd.linux.LinuxFile;

/**
 * Bytes at offsets. Whoever calls has checked that the range lies inside {@link #size()}; buffers are direct. Features
 * are decorators of this.
 */
interface Backend extends Closeable {

    long size();

    /** Fills the buffer. */
    void read(ByteBuffer into, long offset) throws IOException;

    /** Writes the whole buffer. */
    void write(ByteBuffer from, long offset) throws IOException;

    /** Makes the range read as zeroes; {@code keepSpace} asks that a later write into it finds room. */
    void zero(long offset, long length, boolean keepSpace) throws IOException;

    /**
     * As {@link #zero}, where that takes less time than to write zeroes; else false, and the range is untouched.
     */
    boolean zeroQuickly(long offset, long length, boolean keepSpace) throws IOException;

    /** The client needs this range no more. */
    void trim(long offset, long length) throws IOException;

    /** The client will soon read or write this range. */
    default void willNeed(long offset, long length) throws IOException {
        // It is as near as it gets.
    }

    /** Where the holes are; everything is data to a backend that knows of none. */
    default void extents(long offset, long length, Extents into) {
        into.add(length, false);
    }

    /** Where the hole that begins at {@code offset} ends: there, if none does, and at most at {@code end}; cheap. */
    default long endOfHole(long offset, long end) {
        return offset;
    }

    /** What a client should keep to. */
    default BlockSizes blockSizes() {
        return BlockSizes.DEFAULTS;
    }

    /** Whether heads have to move; false where nobody knows. */
    default boolean rotational() {
        return false;
    }

    /** Returns when every write that was answered before is on stable storage. */
    void sync() throws IOException;

    /** The open file that holds the same bytes at the same offsets, for sendfile; null when there is none. */
    default @Nullable LinuxFile file() {
        return null;
    }

    @Override
    void close();
}
