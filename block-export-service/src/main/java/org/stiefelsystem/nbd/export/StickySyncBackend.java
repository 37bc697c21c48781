package org.stiefelsystem.nbd.export;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.nbd.linux.LinuxFile;

/**
 * A failed sync stays failed (DESIGN, safety rule 4): Linux reports a lost write once and forgets it, so the next
 * fdatasync would be a lie.
 */
final class StickySyncBackend implements Backend {

    private final Backend backend;
    private volatile @Nullable IOException failure;

    StickySyncBackend(Backend backend) {
        this.backend = backend;
    }

    /** One at a time: of two that run together only one would be told of the lost write. */
    @Override
    public synchronized void sync() throws IOException {
        if (failure != null) {
            throw new IOException("an earlier sync of this export failed, and what it lost stays lost", failure);
        }
        try {
            backend.sync();
        } catch (IOException e) {
            failure = e;
            // Without its errno: ENOSPC would promise that room mends it.
            throw new IOException(e.getMessage(), e);
        }
    }

    /** From now on every sync fails: what was written, or is read, is not all there. */
    synchronized void fail(IOException why) {
        if (failure == null) {
            failure = why;
        }
    }

    /** Why every sync fails from now on; null as long as none has. */
    @Nullable
    IOException failure() {
        return failure;
    }

    @Override
    public long size() {
        return backend.size();
    }

    @Override
    public void read(ByteBuffer into, long offset) throws IOException {
        backend.read(into, offset);
    }

    @Override
    public void write(ByteBuffer from, long offset) throws IOException {
        backend.write(from, offset);
    }

    @Override
    public void zero(long offset, long length, boolean keepSpace) throws IOException {
        backend.zero(offset, length, keepSpace);
    }

    @Override
    public boolean zeroQuickly(long offset, long length, boolean keepSpace) throws IOException {
        return backend.zeroQuickly(offset, length, keepSpace);
    }

    @Override
    public void willNeed(long offset, long length) throws IOException {
        backend.willNeed(offset, length);
    }

    @Override
    public void extents(long offset, long length, Extents into) {
        backend.extents(offset, length, into);
    }

    @Override
    public long endOfHole(long offset, long end) {
        return backend.endOfHole(offset, end);
    }

    @Override
    public BlockSizes blockSizes() {
        return backend.blockSizes();
    }

    @Override
    public boolean rotational() {
        return backend.rotational();
    }

    @Override
    public void trim(long offset, long length) throws IOException {
        backend.trim(offset, length);
    }

    @Override
    public @Nullable LinuxFile file() {
        return backend.file();
    }

    @Override
    public void close() {
        backend.close();
    }
}
