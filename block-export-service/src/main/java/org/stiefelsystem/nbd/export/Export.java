package org.stiefelsystem.nbd.export;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.nbd.linux.LinuxFile;

/** One disk, or a part of one, that is served under a name. */
public final class Export implements Closeable {

    private final String name;
    private final String path;
    private final boolean readOnly;
    private final SharedDisk.@Nullable Claim claim;
    private final StickySyncBackend backend;
    private final DiskFingerprint memory = DiskFingerprint.ofMemory();
    private final LongAdder bytesRead = new LongAdder();
    private final LongAdder bytesWritten = new LongAdder();
    private final LongAdder bytesChanged = new LongAdder();
    private final AtomicLong bytesFlushed = new AtomicLong();
    private volatile boolean readsIntoMemory;
    private volatile boolean leftOpen;
    private volatile boolean retired;
    private volatile boolean changing;
    private volatile @Nullable String lost;

    Export(String name, String path, boolean readOnly, Backend backend) {
        this(name, path, readOnly, null, backend);
    }

    private Export(String name, String path, boolean readOnly, SharedDisk.@Nullable Claim claim, Backend backend) {
        this.name = name;
        this.path = path;
        this.readOnly = readOnly;
        this.claim = claim;
        this.backend = new StickySyncBackend(backend);
    }

    /** A whole file or block device, as {@link #open(String, Path, boolean, DiskPart)}. */
    public static Export open(String name, Path path, boolean readOnly) throws IOException {
        return open(name, path, readOnly, new DiskPart.Whole());
    }

    /** Opens a file or block device and keeps everybody else from using it; refused while it is in use. */
    public static Export open(String name, Path path, boolean readOnly, DiskPart part) throws IOException {
        checkName(name);
        SharedDisk.Claim claim = SharedDisk.open(name, path, readOnly, part);
        return new Export(name, path.toString(), readOnly, claim, claim.range());
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
                || !Printable.isPrintable(name)) {
            throw new RefusedException(
                    "\"%s\" is no name for an export.".formatted(Printable.of(name, 64)),
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

    /** What of the disk is served. */
    public DiskPart part() {
        return claim == null ? new DiskPart.Whole() : claim.part();
    }

    /** What was opened, without links; the name of what is served where that is no file. */
    public Path opened() throws IOException {
        return claim == null ? Path.of(path) : claim.opened();
    }

    /** Where on the disk its first byte is. */
    public long offset() {
        return claim == null ? 0 : claim.range().offset();
    }

    public long size() {
        return backend.size();
    }

    /**
     * The file, device or partition has grown: those who ask from now on are told of its new size. Refused, and the export
     * has failed, when it has shrunk.
     */
    public void grow() throws IOException {
        if (claim == null) {
            return;
        }
        noticeLoss();
        if (lost != null) {
            throw new RefusedException(lost, "Remove the export, mend or copy back what is missing, and add it again.");
        }
        claim.grow();
    }

    /** A file may be cut off under us, a disk may go: what is not there is an error for ever, and never zeroes. */
    private void noticeLoss() throws IOException {
        long missing = claim == null ? 0 : claim.missing();
        if (missing > 0 && lost == null) {
            String words = "%s was cut off: of export %s the last %d bytes are missing.".formatted(path, name, missing);
            lost = words;
            backend.fail(new EOFException(words));
        }
    }

    /** A write beyond the end of a file would make zeroes of what is missing before it. */
    private void refuseIfLost() throws IOException {
        if (lost != null) {
            throw new EOFException(lost);
        }
    }

    /** Which disk this is, and how it was left. */
    DiskFingerprint fingerprint() throws IOException {
        LinuxFile file = backend.file();
        return file == null ? memory : DiskFingerprint.of(file, offset(), size());
    }

    public void read(ByteBuffer into, long offset) throws IOException {
        int length = into.remaining();
        try {
            backend.read(into, offset);
        } catch (EOFException e) {
            noticeLoss();
            throw e;
        }
        bytesRead.add(length);
    }

    public void write(ByteBuffer from, long offset) throws IOException {
        refuseIfLost();
        int length = from.remaining();
        backend.write(from, offset);
        bytesWritten.add(length);
        bytesChanged.add(length);
    }

    public void zero(long offset, long length, boolean keepSpace) throws IOException {
        refuseIfLost();
        backend.zero(offset, length, keepSpace);
        bytesChanged.add(length);
    }

    /** As {@link #zero}, where that takes less time than to write zeroes; else false, and the range is untouched. */
    public boolean zeroQuickly(long offset, long length, boolean keepSpace) throws IOException {
        refuseIfLost();
        boolean zeroed = backend.zeroQuickly(offset, length, keepSpace);
        if (zeroed) {
            bytesChanged.add(length);
        }
        return zeroed;
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
        refuseIfLost();
        backend.trim(offset, length);
        bytesChanged.add(length);
    }

    public void sync() throws IOException {
        noticeLoss();
        long changed = bytesChanged.sum();
        backend.sync();
        bytesFlushed.accumulateAndGet(changed, Math::max);
    }

    /** Whether a sync failed: from then on all do, until the service starts anew. */
    public boolean failed() {
        return backend.failure() != null;
    }

    /** Why it has failed, for people; null as long as it has not. */
    public @Nullable String failure() {
        IOException failure = backend.failure();
        return failure == null ? null : Printable.of(String.valueOf(failure.getMessage()), 300);
    }

    /** Nobody is let in any more: it is about to be removed. */
    void retire() {
        retired = true;
    }

    boolean isRetired() {
        return retired;
    }

    /** While it changes nobody is let in. */
    void changing(boolean now) {
        changing = now;
    }

    boolean isChanging() {
        return changing;
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
        try {
            noticeLoss();
        } catch (IOException e) {
            // Then the retry's read tells.
        }
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
