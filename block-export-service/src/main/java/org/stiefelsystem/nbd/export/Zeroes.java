package org.stiefelsystem.nbd.export;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.stiefelsystem.nbd.linux.LinuxFile;

/** Writes zeroes where nothing better is offered. */
final class Zeroes {

    private static final ByteBuffer ZEROES = ByteBuffer.allocateDirect(1 << 20).asReadOnlyBuffer();

    private Zeroes() {}

    static void write(LinuxFile file, long offset, long length) throws IOException {
        long done = 0;
        while (done < length) {
            int n = (int) Math.min(ZEROES.capacity(), length - done);
            file.write(ZEROES.slice(0, n), offset + done);
            done += n;
        }
    }
}
