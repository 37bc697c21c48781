package org.stiefelsystem.nbd.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.Test;

/** A part of a disk as a disk of its own. */
@NullUnmarked
class RangeBackendTests {

    private final MemoryBackend disk = new MemoryBackend(4096);
    private final AtomicInteger released = new AtomicInteger();
    private final RangeBackend range = new RangeBackend(disk, 1024, 512, released::incrementAndGet);

    private static ByteBuffer bytes(int length, int value) {
        ByteBuffer bytes = ByteBuffer.allocateDirect(length);
        while (bytes.hasRemaining()) {
            bytes.put((byte) value);
        }
        return bytes.flip();
    }

    private int at(int offset) throws IOException {
        ByteBuffer one = ByteBuffer.allocateDirect(1);
        disk.read(one, offset);
        return one.get(0);
    }

    @Test
    void everythingIsDoneInsideTheRange() throws IOException {
        disk.write(bytes(4096, 7), 0);
        range.write(bytes(512, 9), 0);
        assertThat(new int[] {at(1023), at(1024), at(1535), at(1536)}).containsExactly(7, 9, 9, 7);
        range.zero(0, 256, false);
        range.trim(500, 12);
        assertThat(new int[] {at(1023), at(1024), at(1279), at(1280), at(1523), at(1524), at(1536)})
                .containsExactly(7, 0, 0, 9, 9, 0, 7);
        ByteBuffer read = ByteBuffer.allocateDirect(2);
        range.read(read, 255);
        assertThat(new int[] {read.get(0), read.get(1)}).containsExactly(0, 9);
        assertThat(range.size()).isEqualTo(512);
    }

    @Test
    void whatADiskTellsOrIsAdvisedOfIsCountedFromTheRangesStart() throws IOException {
        List<String> asked = new ArrayList<>();
        RangeBackend part = new RangeBackend(new DiskWithAHole(asked), 1024, 2048, released::incrementAndGet);
        part.willNeed(0, 100);
        assertThat(part.zeroQuickly(512, 256, true)).isTrue();
        Extents extents = new Extents(8);
        part.extents(0, 2048, extents);
        assertThat(asked).containsExactly("willNeed 1024 100", "zeroQuickly 1536 256 true");
        assertThat(extents.list()).containsExactly(new Extent(512, true), new Extent(1536, false));
        assertThat(part.endOfHole(0, 2048)).isEqualTo(512);
        assertThat(part.endOfHole(0, 100)).isEqualTo(100);
        assertThat(part.blockSizes()).isEqualTo(new BlockSizes(1024, 8192));
        assertThat(part.rotational()).isTrue();
    }

    /** What it does not shift would tell, or change, the wrong bytes. */
    @Test
    void everyMethodOfABackendIsShifted() throws NoSuchMethodException {
        for (Method method : Backend.class.getDeclaredMethods()) {
            if (!method.isSynthetic() && !Modifier.isStatic(method.getModifiers())) {
                assertThat(RangeBackend.class
                                .getMethod(method.getName(), method.getParameterTypes())
                                .getDeclaringClass())
                        .as(method.getName())
                        .isEqualTo(RangeBackend.class);
            }
        }
    }

    @Test
    void itGrowsAndDoesNotShrink() {
        range.grow(1024);
        assertThat(range.size()).isEqualTo(1024);
        assertThatIllegalArgumentException().isThrownBy(() -> range.grow(512));
    }

    @Test
    void closingOnlyLetsGo() {
        range.close();
        assertThat(released).hasValue(1);
    }

    /** A disk that is a hole up to byte 1536, and remembers what was asked of it. */
    private record DiskWithAHole(List<String> asked) implements Backend {

        private static final long DATA = 1536;

        @Override
        public long size() {
            return 4096;
        }

        @Override
        public void willNeed(long offset, long length) {
            asked.add("willNeed %d %d".formatted(offset, length));
        }

        @Override
        public boolean zeroQuickly(long offset, long length, boolean keepSpace) {
            asked.add("zeroQuickly %d %d %b".formatted(offset, length, keepSpace));
            return true;
        }

        @Override
        public void extents(long offset, long length, Extents into) {
            into.add(DATA - offset, true);
            into.add(offset + length - DATA, false);
        }

        @Override
        public long endOfHole(long offset, long end) {
            return Math.min(DATA, end);
        }

        @Override
        public BlockSizes blockSizes() {
            return new BlockSizes(4096, 8192);
        }

        @Override
        public boolean rotational() {
            return true;
        }

        @Override
        public void read(ByteBuffer into, long offset) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void write(ByteBuffer from, long offset) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void zero(long offset, long length, boolean keepSpace) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void trim(long offset, long length) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void sync() {
            throw new UnsupportedOperationException();
        }

        @Override
        public void close() {
            throw new UnsupportedOperationException();
        }
    }
}
