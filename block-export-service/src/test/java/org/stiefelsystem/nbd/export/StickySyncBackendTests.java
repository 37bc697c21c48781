package org.stiefelsystem.nbd.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class StickySyncBackendTests {

    @Test
    void aFailedSyncStaysFailed() throws IOException {
        AtomicInteger syncs = new AtomicInteger();
        StickySyncBackend backend = new StickySyncBackend(new Backend() {
            @Override
            public long size() {
                return 1;
            }

            @Override
            public void read(ByteBuffer into, long offset) {}

            @Override
            public void write(ByteBuffer from, long offset) {}

            @Override
            public void zero(long offset, long length, boolean keepSpace) {}

            @Override
            public boolean zeroQuickly(long offset, long length, boolean keepSpace) {
                return true;
            }

            @Override
            public void trim(long offset, long length) {}

            @Override
            public void sync() throws IOException {
                if (syncs.incrementAndGet() == 2) {
                    throw new IOException("the disk is broken");
                }
            }

            @Override
            public void close() {}
        });
        backend.sync();
        assertThatIOException().isThrownBy(backend::sync).withMessage("the disk is broken");
        assertThatIOException().isThrownBy(backend::sync).withMessageContaining("earlier sync");
        assertThat(syncs).hasValue(2);
    }
}
