package org.stiefelsystem.nbd.export;

import java.nio.ByteBuffer;

/** A scratch disk that lives as long as the server. */
final class MemoryBackend implements Backend {

    private final ByteBuffer bytes;

    MemoryBackend(int size) {
        this.bytes = ByteBuffer.allocateDirect(size);
    }

    @Override
    public long size() {
        return bytes.capacity();
    }

    @Override
    public void read(ByteBuffer into, long offset) {
        int length = into.remaining();
        into.put(into.position(), bytes, (int) offset, length).position(into.position() + length);
    }

    @Override
    public void write(ByteBuffer from, long offset) {
        int length = from.remaining();
        bytes.put((int) offset, from, from.position(), length);
        from.position(from.position() + length);
    }

    @Override
    public void zero(long offset, long length, boolean keepSpace) {
        bytes.slice((int) offset, (int) length).put(new byte[(int) length]);
    }

    @Override
    public void trim(long offset, long length) {
        zero(offset, length, false);
    }

    @Override
    public void sync() {
        // Memory is as stable as it gets.
    }

    @Override
    public void close() {
        // The garbage collector frees it.
    }
}
