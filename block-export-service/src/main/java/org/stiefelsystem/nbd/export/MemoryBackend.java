package org.stiefelsystem.nbd.export;

import java.nio.ByteBuffer;

/** A scratch disk that lives as long as the server. */
final class MemoryBackend implements Backend {

    private static final byte[] ZEROES = new byte[1 << 16];

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
        long end = offset + length;
        for (long at = offset; at < end; at += ZEROES.length) {
            bytes.put((int) at, ZEROES, 0, (int) Math.min(ZEROES.length, end - at));
        }
    }

    /** Memory is filled sooner than a payload comes through a network. */
    @Override
    public boolean zeroQuickly(long offset, long length, boolean keepSpace) {
        zero(offset, length, keepSpace);
        return true;
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
