package org.stiefelsystem.nbd.export;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.stiefelsystem.nbd.linux.LinuxFile;

/** A block device, which the kernel zeroes and discards in whole sectors only. */
final class BlockDeviceBackend implements Backend {

    /** No device of today has larger logical sectors, and every smaller one divides it. */
    private static final long SECTOR = 4096;

    private final LinuxFile device;
    private final long size;
    private final BlockSizes blockSizes;
    private final BlockDeviceQueue queue;

    BlockDeviceBackend(LinuxFile device) throws IOException {
        this.device = device;
        this.size = device.size();
        this.blockSizes = BlockSizes.ofDevice(
                device.logicalBlockBytes(), device.physicalBlockBytes(), device.optimalBlockBytes());
        this.queue = BlockDeviceQueue.of(device);
    }

    @Override
    public long size() {
        return size;
    }

    @Override
    public void read(ByteBuffer into, long offset) throws IOException {
        device.read(into, offset);
    }

    @Override
    public void write(ByteBuffer from, long offset) throws IOException {
        device.write(from, offset);
    }

    @Override
    public void zero(long offset, long length, boolean keepSpace) throws IOException {
        long from = roundUp(offset);
        long to = roundDown(offset + length);
        if (from >= to || !(keepSpace ? device.zeroRange(from, to - from) : device.punchHole(from, to - from))) {
            Zeroes.write(device, offset, length);
            return;
        }
        Zeroes.write(device, offset, from - offset);
        Zeroes.write(device, to, offset + length - to);
    }

    /**
     * Only where the device zeroes by itself, and that is known before: the kernel throws the range's unwritten pages
     * away and only then finds that the device cannot. (Should it find so in spite of what it said, zeroes are written.)
     * Where the space is to be kept, the kernel may write the zeroes itself.
     */
    @Override
    public boolean zeroQuickly(long offset, long length, boolean keepSpace) throws IOException {
        if (keepSpace || !queue.zeroesItself() || roundUp(offset) >= roundDown(offset + length)) {
            return false;
        }
        zero(offset, length, false);
        return true;
    }

    @Override
    public BlockSizes blockSizes() {
        return blockSizes;
    }

    @Override
    public boolean rotational() {
        return queue.rotational();
    }

    @Override
    public void willNeed(long offset, long length) throws IOException {
        device.willNeed(offset, length);
    }

    @Override
    public void trim(long offset, long length) throws IOException {
        long from = roundUp(offset);
        long to = roundDown(offset + length);
        if (from < to) {
            device.discard(from, to - from);
        }
    }

    private static long roundUp(long offset) {
        return (offset + SECTOR - 1) / SECTOR * SECTOR;
    }

    private static long roundDown(long offset) {
        return offset / SECTOR * SECTOR;
    }

    @Override
    public void sync() throws IOException {
        device.sync();
    }

    @Override
    public LinuxFile file() {
        return device;
    }

    @Override
    public void close() {
        device.close();
    }
}
