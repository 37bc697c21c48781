package org.stiefelsystem.nbd.export;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.nbd.linux.LinuxFile;

/** Some bytes of a disk, as a disk of their own. */
final class RangeBackend implements Backend {

    private final Backend disk;
    private final long offset;
    private final Runnable release;
    private volatile long size;

    /** Closing it only calls {@code release}: the disk may be others', too. */
    RangeBackend(Backend disk, long offset, long size, Runnable release) {
        this.disk = disk;
        this.offset = offset;
        this.size = size;
        this.release = release;
    }

    long offset() {
        return offset;
    }

    /** Those who have asked for the size already keep to the old one. */
    void grow(long larger) {
        if (larger < size) {
            throw new IllegalArgumentException("%d is smaller than %d".formatted(larger, size));
        }
        size = larger;
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public void read(ByteBuffer into, long from) throws IOException {
        disk.read(into, offset + from);
    }

    @Override
    public void write(ByteBuffer from, long to) throws IOException {
        disk.write(from, offset + to);
    }

    @Override
    public void zero(long from, long length, boolean keepSpace) throws IOException {
        disk.zero(offset + from, length, keepSpace);
    }

    @Override
    public boolean zeroQuickly(long from, long length, boolean keepSpace) throws IOException {
        return disk.zeroQuickly(offset + from, length, keepSpace);
    }

    @Override
    public void trim(long from, long length) throws IOException {
        disk.trim(offset + from, length);
    }

    @Override
    public void willNeed(long from, long length) throws IOException {
        disk.willNeed(offset + from, length);
    }

    @Override
    public void extents(long from, long length, Extents into) {
        disk.extents(offset + from, length, into);
    }

    @Override
    public long endOfHole(long from, long end) {
        return disk.endOfHole(offset + from, offset + end) - offset;
    }

    @Override
    public BlockSizes blockSizes() {
        return disk.blockSizes().ofPart(offset, size);
    }

    @Override
    public boolean rotational() {
        return disk.rotational();
    }

    @Override
    public void sync() throws IOException {
        disk.sync();
    }

    @Override
    public @Nullable LinuxFile file() {
        LinuxFile file = disk.file();
        return file == null ? null : file.from(offset);
    }

    @Override
    public void close() {
        release.run();
    }
}
