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

    /** The client needs this range no more. */
    void trim(long offset, long length) throws IOException;

    /** Returns when every write that was answered before is on stable storage. */
    void sync() throws IOException;

    /** The open file that holds the same bytes at the same offsets, for sendfile; null when there is none. */
    default @Nullable LinuxFile file() {
        return null;
    }

    @Override
    void close();
}
