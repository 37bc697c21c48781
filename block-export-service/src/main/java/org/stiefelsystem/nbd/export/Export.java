package org.stiefelsystem.nbd.export;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.nbd.linux.LinuxFile;

/** One disk that is served under a name. */
public final class Export implements Closeable {

    private final String name;
    private final String path;
    private final boolean readOnly;
    private final StickySyncBackend backend;
    private final DiskFingerprint memory = DiskFingerprint.ofMemory();
    private final LongAdder bytesRead = new LongAdder();
    private final LongAdder bytesWritten = new LongAdder();
    private final LongAdder bytesChanged = new LongAdder();
    private final AtomicLong bytesFlushed = new AtomicLong();
    private volatile boolean readsIntoMemory;
    private volatile boolean leftOpen;

    Export(String name, String path, boolean readOnly, Backend backend) {
        this.name = name;
        this.path = path;
        this.readOnly = readOnly;
        this.backend = new StickySyncBackend(backend);
    }

    /** Opens a file or block device and keeps everybody else from using it; refused while it is in use. */
    public static Export open(String name, Path path, boolean readOnly) throws IOException {
        checkName(name);
        return new Export(name, path.toString(), readOnly, DiskOpener.open(path, readOnly));
    }

    /** A scratch disk in memory. */
    public static Export memory(String name, int size) throws IOException {
        checkName(name);
        return new Export(name, "memory", false, new MemoryBackend(size));
    }

    private static void checkName(String name) throws RefusedException {
        if (name.isBlank()
                || ExportName.parse(name).bootId() != null
                || name.length() > 255
                || name.chars().anyMatch(Character::isISOControl)) {
            throw new RefusedException(
                    "\"%s\" is no name for an export.".formatted(name),
                    "Take 1 to 255 printable characters that do not end like a boot id, such as root.");
        }
    }

    public String name() {
        return name;
    }

    /** What is served, for people. */
    public String path() {
        return path;
    }

    public boolean readOnly() {
        return readOnly;
    }

    public long size() {
        return backend.size();
    }

    /** Which disk this is, and how it was left. */
    DiskFingerprint fingerprint() throws IOException {
        LinuxFile file = backend.file();
        return file == null ? memory : DiskFingerprint.of(file);
    }

    public void read(ByteBuffer into, long offset) throws IOException {
        int length = into.remaining();
        backend.read(into, offset);
        bytesRead.add(length);
    }

    public void write(ByteBuffer from, long offset) throws IOException {
        int length = from.remaining();
        backend.write(from, offset);
        bytesWritten.add(length);
        bytesChanged.add(length);
    }

    public void zero(long offset, long length, boolean keepSpace) throws IOException {
        backend.zero(offset, length, keepSpace);
        bytesChanged.add(length);
    }

    /** As {@link #zero}, where that takes less time than to write zeroes; else false, and the range is untouched. */
    public boolean zeroQuickly(long offset, long length, boolean keepSpace) throws IOException {
        return backend.zeroQuickly(offset, length, keepSpace);
    }

    /** The client will soon read or write this range. */
    public void willNeed(long offset, long length) throws IOException {
        backend.willNeed(offset, length);
    }

    /** The extents from {@code offset} on: at most so many, and so maybe of less than {@code length}. */
    public List<Extent> extents(long offset, long length, int atMost) {
        Extents extents = new Extents(atMost);
        backend.extents(offset, length, extents);
        return extents.list();
    }

    /** Where the hole that begins at {@code offset} ends: there, if none does, and at most at {@code end}. */
    public long endOfHole(long offset, long end) {
        return backend.endOfHole(offset, end);
    }

    /** What a client should keep to. */
    public BlockSizes blockSizes() {
        return backend.blockSizes();
    }

    /** Whether heads have to move; false where nobody knows. */
    public boolean rotational() {
        return backend.rotational();
    }

    public void trim(long offset, long length) throws IOException {
        backend.trim(offset, length);
        bytesChanged.add(length);
    }

    public void sync() throws IOException {
        long changed = bytesChanged.sum();
        backend.sync();
        bytesFlushed.accumulateAndGet(changed, Math::max);
    }

    /** Whether a sync failed: from then on all do, until the service starts anew. */
    public boolean failed() {
        return backend.failed();
    }

    /** The file for sendfile; null when there is none, or when it is not to be trusted with a reply under way. */
    public @Nullable LinuxFile sendableFile() {
        return readsIntoMemory ? null : backend.file();
    }

    /** Bytes that a peer got without {@link #read}: from {@link #sendableFile()}, or because they are a hole. */
    public void sent(long length) {
        bytesRead.add(length);
    }

    /**
     * A sendfile failed after the reply's header had said "success": from now on data is read before the header is
     * sent, so that the retry of the client gets its error (DESIGN, safety rule 4).
     */
    public void readIntoMemory() {
        readsIntoMemory = true;
    }

    public long bytesRead() {
        return bytesRead.sum();
    }

    public long bytesWritten() {
        return bytesWritten.sum();
    }

    /** Bytes that were written, zeroed or trimmed and not flushed since. */
    public long bytesUnflushed() {
        return bytesChanged.sum() - bytesFlushed.get();
    }

    /**
     * The disk has not answered somebody yet, who may go on with its descriptor: it must not become another file's,
     * so that only the end of the process closes it.
     */
    public void leaveOpen() {
        leftOpen = true;
    }

    /** Lets go of the disk; all connections have ended before. */
    @Override
    public void close() {
        if (!leftOpen) {
            backend.close();
        }
    }
}
