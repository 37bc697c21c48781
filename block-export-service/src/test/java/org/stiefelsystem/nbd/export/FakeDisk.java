package org.stiefelsystem.nbd.export;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** A disk that remembers what was asked of it, and fails or hesitates where a test wants it. */
public final class FakeDisk implements Backend {

    private final MemoryBackend memory;
    private final List<String> calls = new ArrayList<>();
    private final List<Long> endsOfWrites = new ArrayList<>();
    private volatile boolean syncsFail;
    private volatile long brokenFrom = Long.MAX_VALUE;
    private volatile boolean slowZeroes;
    private final Map<String, IOException> failing = new ConcurrentHashMap<>();
    private final AtomicBoolean failsOnce = new AtomicBoolean();
    private volatile CountDownLatch mayFinish = new CountDownLatch(0);

    public FakeDisk(int size) {
        memory = new MemoryBackend(size);
    }

    public Export export(String name) {
        return new Export(name, "fake", false, this);
    }

    /** What was done since the last time, in its order. */
    public synchronized List<String> calls() {
        List<String> done = List.copyOf(calls);
        calls.clear();
        return done;
    }

    /** Whether something was asked that {@link #calls()} has not told yet. */
    public synchronized boolean wasAsked(String call) {
        return calls.contains(call);
    }

    public void failSyncs(boolean fail) {
        syncsFail = fail;
    }

    /** Reads, writes and advice that reach this offset fail. */
    public void breakFrom(long offset) {
        brokenFrom = offset;
    }

    /** This call fails, again and again, and changes nothing; null ends that. */
    public void fail(String call, @Nullable IOException with) {
        if (with == null) {
            failing.remove(call);
        } else {
            failing.put(call, with);
        }
    }

    /** The next sync fails, and those after it do not: so the kernel tells of a lost write. */
    public void failOneSync() {
        failsOnce.set(true);
    }

    private void failIfAsked(String call) throws IOException {
        IOException failure = failing.get(call);
        if (failure != null) {
            throw failure;
        }
    }

    /** Zeroes take as long as a write. */
    public void zeroSlowly() {
        slowZeroes = true;
    }

    /** Every sync waits for {@code release}. */
    public void holdSyncs(CountDownLatch release) {
        mayFinish = release;
    }

    /** Where each write so far ended. */
    public synchronized List<Long> endsOfWrites() {
        return List.copyOf(endsOfWrites);
    }

    private synchronized void called(String call) {
        calls.add(call);
    }

    @Override
    public long size() {
        return memory.size();
    }

    @Override
    public void read(ByteBuffer into, long offset) throws IOException {
        failIfAsked("read");
        if (offset + into.remaining() > brokenFrom) {
            throw new IOException("the disk is broken from %d on".formatted(brokenFrom));
        }
        memory.read(into, offset);
    }

    @Override
    public void write(ByteBuffer from, long offset) throws IOException {
        failIfAsked("write");
        if (offset + from.remaining() > brokenFrom) {
            called("broken write");
            throw new IOException("the disk is broken from %d on".formatted(brokenFrom));
        }
        called("write");
        synchronized (this) {
            endsOfWrites.add(offset + from.remaining());
        }
        memory.write(from, offset);
    }

    @Override
    public void zero(long offset, long length, boolean keepSpace) throws IOException {
        failIfAsked("zero");
        called("zero");
        memory.zero(offset, length, keepSpace);
    }

    @Override
    public boolean zeroQuickly(long offset, long length, boolean keepSpace) throws IOException {
        if (!slowZeroes) {
            zero(offset, length, keepSpace);
        }
        return !slowZeroes;
    }

    @Override
    public void willNeed(long offset, long length) throws IOException {
        failIfAsked("willNeed");
        called("willNeed " + length);
        if (offset + length > brokenFrom) {
            throw new IOException("the disk is broken from %d on".formatted(brokenFrom));
        }
    }

    @Override
    public void trim(long offset, long length) throws IOException {
        failIfAsked("trim");
        called("trim");
        memory.trim(offset, length);
    }

    @Override
    public void sync() throws IOException {
        called("sync");
        try {
            mayFinish.await();
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
        failIfAsked("sync");
        if (syncsFail || failsOnce.getAndSet(false)) {
            throw new IOException("the disk is broken");
        }
    }

    @Override
    public void close() {
        called("close");
    }
}
