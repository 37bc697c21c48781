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
        if (!(keepSpace ? file.zeroRange(offset, length) : file.punchHole(offset, length))) {
            Zeroes.write(file, offset, length);
        }
    }

    /** A file system without holes keeps the bytes: a trim is only advice. */
    @Override
    public void trim(long offset, long length) throws IOException {
        file.punchHole(offset, length);
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
