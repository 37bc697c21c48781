package org.stiefelsystem.nbd.export;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.stiefelsystem.nbd.linux.LinuxFile;

/** A regular file; zeroes and trims are holes where its file system has them. */
final class FileBackend implements Backend {

    private final LinuxFile file;
    private final long size;

    FileBackend(LinuxFile file) throws IOException {
        this.file = file;
        this.size = file.size();
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public void read(ByteBuffer into, long offset) throws IOException {
        file.read(into, offset);
    }

    @Override
    public void write(ByteBuffer from, long offset) throws IOException {
        file.write(from, offset);
    }

    @Override
    public void zero(long offset, long length, boolean keepSpace) throws IOException {
        if (!zeroQuickly(offset, length, keepSpace)) {
            Zeroes.write(file, offset, length);
        }
    }

    @Override
    public boolean zeroQuickly(long offset, long length, boolean keepSpace) throws IOException {
        return keepSpace ? file.zeroRange(offset, length) : file.punchHole(offset, length);
    }

    /** A file system without holes keeps the bytes: a trim is only advice. */
    @Override
    public void trim(long offset, long length) throws IOException {
        file.punchHole(offset, length);
    }

    @Override
    public void willNeed(long offset, long length) throws IOException {
        file.willNeed(offset, length);
    }

    @Override
    public void extents(long offset, long length, Extents into) {
        long end = offset + length;
        long at = offset;
        while (at < end && !into.full()) {
            long data = file.nextData(at, end);
            into.add(data - at, true);
            at = data < end ? file.nextHole(data, end) : end;
            into.add(at - data, false);
        }
    }

    @Override
    public long endOfHole(long offset, long end) {
        return file.nextData(offset, end);
    }

    @Override
    public void sync() throws IOException {
        file.sync();
    }

    @Override
    public LinuxFile file() {
        return file;
    }

    @Override
    public void close() {
        file.close();
    }
}
