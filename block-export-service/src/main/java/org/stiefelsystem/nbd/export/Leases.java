package org.stiefelsystem.nbd.export;

import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Who may write to which export: DESIGN, safety rules 2 and 3. A writable export has one holder. A guest's lease is its
 * boot; it outlives connections and restarts of this service, and ends when the guest disconnects in order, when it is
 * broken on this machine, or when a newer boot at the same address takes over. A boot whose lease has ended is refused
 * for ever, and so is every boot when this machine itself was restarted.
 *
 * <p>The fence: a boot that comes back is let in only when each of its older connections has let go of the export, so
 * that no old write lands after a newer one.
 */
public final class Leases implements Closeable {

    private static final System.Logger LOG = System.getLogger(Leases.class.getName());

    /** How many boots are remembered; those that have an export are not forgotten, however many they are. */
    public static final int MAX_BOOT_IDS = 64;

    private static final Pattern BOOT_ID = Pattern.compile("[0-9a-f]{32}");

    /** How often a handshake that waits looks whether its own peer is still there. */
    private static final long LOOK_MILLIS = 50;

    private final @Nullable Path file;
    private final @Nullable FileChannel lock;

    /** Where another service keeps its leases, which are looked at and never changed. */
    private final @Nullable Path beside;

    private final String machine;
    private final Clock clock = Clock.systemUTC();

    /** Oldest first. */
    private final Map<String, Boot> boots = new LinkedHashMap<>();

    private final Map<String, Holding> holdings = new HashMap<>();

    /** Whether the file says something else than we do, because it could not be written. */
    private boolean unsaved;

    /** Until when nobody new is let in, in nanoseconds of {@link System#nanoTime()}; null: not closed. */
    private @Nullable Long closedUntil;

    private Consumer<Boolean> guestsWatch = guests -> {};
    private boolean guestsTold;

    private Leases(@Nullable Path file, @Nullable FileChannel lock, @Nullable Path beside, String machine) {
        this.file = file;
        this.lock = lock;
        this.beside = beside;
        this.machine = machine;
    }

    /** A boot that was registered; {@code ended} says why it is refused. */
    private record Boot(
            String export, boolean used, @Nullable String ended) {}

    /** One export's lease and those who use it. */
    private static final class Holding {

        private final Set<Session> sessions = new LinkedHashSet<>();
        private Lease.@Nullable Holder holder;

        /** The disk, as it was when the holder was let in, or as the service left it. */
        private @Nullable DiskFingerprint disk;

        /** What the export had written, whoever it was for, when the holder was let in. */
        private long writtenBefore;

        /** The newest handshake that waits until all sessions are gone; older ones give up. */
        private @Nullable Session waiting;

        private boolean isOf(@Nullable String bootId) {
            return holder != null && bootId != null && bootId.equals(holder.bootId());
        }

        private boolean isOfGuest() {
            return holder != null && holder.bootId() != null;
        }
    }

    /** What a handshake is told. */
    public sealed interface Answer {

        /** It may begin; {@link #release} ends it. */
        record Granted() implements Answer {}

        /** As long as things are as they are; a guest's boot gives up. The words are for the peer. */
        record Refused(String words) implements Answer {}

        /** Maybe later: the peer does well to ask again, here or elsewhere. */
        record NotNow(String words) implements Answer {}

        /** Nobody waits for an answer any more, or nobody should. */
        record Abandoned(String why) implements Answer {}
    }

    /** Leases that are forgotten with the process, and so none for a guest: no boot can be registered. */
    public static Leases inMemory() {
        return new Leases(null, null, null, "");
    }

    /**
     * As {@link #inMemory()}, for a tool beside the service that keeps its leases in {@code kept}, which may run or not: a
     * disk that one of those leases names is not attached writable.
     */
    public static Leases inMemoryBeside(Path kept, String machine) {
        return new Leases(null, null, kept, machine);
    }

    /**
     * Leases that are kept in {@code file}; refused when another service keeps its own there, since a guest that was
     * registered here would be unknown after a restart.
     *
     * @param machine names this run of this machine (the kernel's boot_id): what another run has left is not believed
     */
    public static Leases in(Path file, String machine) throws IOException {
        FileChannel lock = FileChannel.open(
                file.resolveSibling(file.getFileName() + ".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        if (!isOurs(lock)) {
            lock.close();
            throw new RefusedException(
                    "Another block export keeps its leases in %s."
                            .formatted(file.toAbsolutePath().getParent()),
                    "Stop it, or give this one a directory of its own: --set stiefel.run-dir=DIR.");
        }
        Leases leases = new Leases(file, lock, null, machine);
        try {
            leases.load(Files.readAllLines(file));
        } catch (NoSuchFileException e) {
            // The first start since the machine's.
        }
        return leases;
    }

    private static boolean isOurs(FileChannel lock) throws IOException {
        try {
            return lock.tryLock() != null;
        } catch (OverlappingFileLockException e) {
            // Another service in this very process.
            return false;
        }
    }

    /** Lets another service have the file. */
    @Override
    public void close() throws IOException {
        if (lock != null) {
            lock.close();
        }
    }

    public static boolean isBootId(String text) {
        return BOOT_ID.matcher(text).matches();
    }

    /** From now on this boot may ask for that export; not when that could not be saved. */
    public synchronized void register(String bootId, String export) throws IOException {
        if (!isBootId(bootId)) {
            throw new IllegalArgumentException("a boot id is 32 hexadecimal digits in lower case");
        }
        if (file == null) {
            throw new RefusedException(
                    "This block export keeps no leases, so that no guest can boot from it.",
                    "Start it with stiefel.export.keep-leases=true, or use stiefelctl server.");
        }
        if (boots.containsKey(bootId)) {
            return;
        }
        if (isClosed()) {
            throw new RefusedException("The host is being stopped.", "Start this boot again when it serves again.");
        }
        Map<String, Boot> before = new LinkedHashMap<>(boots);
        while (boots.size() >= MAX_BOOT_IDS) {
            Optional<String> forgotten = leastWanted();
            if (forgotten.isEmpty()) {
                break;
            }
            boots.remove(forgotten.get());
        }
        boots.put(bootId, new Boot(export, false, null));
        try {
            save();
        } catch (IOException e) {
            boots.clear();
            boots.putAll(before);
            throw e;
        }
    }

    /** Of those that have no export: the oldest that has ended, else the oldest that never asked, else the oldest. */
    private Optional<String> leastWanted() {
        List<Map.Entry<String, Boot>> idle = boots.entrySet().stream()
                .filter(boot -> holdings.values().stream().noneMatch(holding -> holding.isOf(boot.getKey())))
                .toList();
        return Stream.of(
                        idle.stream().filter(boot -> boot.getValue().ended != null),
                        idle.stream().filter(boot -> !boot.getValue().used),
                        idle.stream())
                .flatMap(wanted -> wanted.map(Map.Entry::getKey))
                .findFirst();
    }

    /**
     * An export is served from now on. A guest that had another disk under this name, or whose disk was written to since
     * this service ended, is not let back. A disk that a guest has under another name is refused, if it could be written
     * to: the lease is of the disk.
     */
    void attach(Export export) throws IOException {
        // Nobody else's guest waits for a disk that takes long over it.
        attach(export, isUnheld(export) || isFlushed(export));
    }

    private synchronized boolean isUnheld(Export export) {
        return holding(export.name()).holder == null;
    }

    private synchronized void attach(Export export, boolean flushed) throws IOException {
        Holding holding = holding(export.name());
        DiskFingerprint now = export.fingerprint();
        if (!export.readOnly()) {
            refuseLeased(export, now);
        }
        DiskFingerprint before = holding.disk;
        if (holding.holder == null || before == null) {
            return;
        }
        if (!before.identity().equals(now.identity())) {
            revoke(holding, "the disk is not the same as before: another one, or of another size");
        } else if (before.wasWrittenUntil(now)) {
            revoke(holding, "the disk was written to while it was not served");
        } else if (!flushed) {
            revoke(holding, "the disk failed; what was written is not all there");
        }
        // How it was left stays known until the guest is let in: this start may be in vain.
        tellGuestsWatch();
        save();
    }

    /**
     * The export is about to be served no more: nobody is let in from now on.
     *
     * @return those who have it still
     */
    public synchronized Set<Session> detach(Export export) throws RefusedException {
        refuseWhileLeased(export, "removed");
        if (export.isRetired()) {
            throw new RefusedException(
                    "Export %s is being removed already.".formatted(export.name()), "Wait for that.");
        }
        export.retire();
        notifyAll();
        return Set.copyOf(holding(export.name()).sessions);
    }

    /** A guest lives on its export, connected or not: what is under it is not changed before its lease has ended. */
    public synchronized void refuseWhileLeased(Export export, String done) throws RefusedException {
        Lease.Holder holder = holding(export.name()).holder;
        if (holder != null && holder.bootId() != null) {
            throw new RefusedException(
                    "Export %s is not %s: it is leased to %s.".formatted(export.name(), done, holder.words()),
                    "Shut that guest down, or take the lease from it first: stiefelctl exports lease break "
                            + export.name());
        }
    }

    /** Has an export that no guest lives on take on its disk's new size; whoever asks for it meanwhile is told to ask again. */
    public void grow(Export export) throws IOException {
        synchronized (this) {
            refuseWhileLeased(export, "grown");
            export.changing(true);
        }
        try {
            export.grow();
        } finally {
            export.changing(false);
        }
    }

    /** What an earlier process of this service was told to write and did not flush is flushed now, or never. */
    private static boolean isFlushed(Export export) {
        try {
            if (!export.readOnly()) {
                export.sync();
            }
            return true;
        } catch (IOException e) {
            LOG.log(System.Logger.Level.ERROR, "export {0} cannot be flushed: {1}", export.name(), e.getMessage());
            return false;
        }
    }

    private void refuseLeased(Export export, DiskFingerprint disk) throws IOException {
        Map<String, Holding> others = new HashMap<>(holdings);
        others.remove(export.name());
        others.putAll(heldBeside());
        for (Map.Entry<String, Holding> other : others.entrySet()) {
            Lease.Holder guest = other.getValue().holder;
            DiskFingerprint leased = other.getValue().disk;
            if (guest != null && leased != null && leased.overlaps(disk)) {
                throw new RefusedException(
                        "%s is leased to %s, as export %s; nobody else may write to it."
                                .formatted(export.path(), guest.words(), other.getKey()),
                        "Serve it as %s for that guest, with stiefelctl server; then `stiefelctl exports lease break %s` takes it back."
                                .formatted(other.getKey(), other.getKey()));
            }
        }
    }

    /** The leases of the service beside us, as it has saved them last. */
    private Map<String, Holding> heldBeside() throws IOException {
        if (beside == null) {
            return Map.of();
        }
        Leases kept = new Leases(null, null, null, machine);
        try {
            kept.load(Files.readAllLines(beside));
        } catch (NoSuchFileException e) {
            // No service has run here.
        }
        return kept.holdings;
    }

    /** The service ends in order, everything is flushed: whoever writes to the disk from now on is somebody else. */
    public synchronized void settle(Export export) {
        Holding holding = holding(export.name());
        try {
            if (holding.holder != null) {
                holding.disk = export.fingerprint();
                save();
            } else {
                saveAgain();
            }
        } catch (IOException e) {
            warnUnsaved(export, e);
        }
    }

    /** The service ends, and not all that was written is on the disk: what its guest remembers of it is not true. */
    public synchronized void disown(Export export) {
        revoke(holding(export.name()), "the disk failed when the service ended; what was written is not all there");
        tellGuestsWatch();
        saveOrWarn(export);
    }

    private void revoke(Holding holding, String why) {
        Lease.Holder holder = holding.holder;
        if (holder == null) {
            return;
        }
        LOG.log(System.Logger.Level.WARNING, "{0} has lost its lease: {1}", holder.words(), why);
        end(holding, holder, why);
    }

    private void end(Holding holding, Lease.Holder holder, String why) {
        String bootId = holder.bootId();
        if (bootId != null) {
            boots.computeIfPresent(bootId, (id, boot) -> new Boot(boot.export, true, why));
        }
        holding.holder = null;
        holding.disk = null;
    }

    /**
     * For so long nobody is let in who does not have the export already, and no boot is registered: the host is about to
     * be stopped. It ends by itself, because whoever is stopping it may be killed.
     */
    public synchronized void closeFor(Duration time) {
        closedUntil = System.nanoTime() + time.toNanos();
    }

    /** The end of {@link #closeFor}. */
    public synchronized void reopen() {
        closedUntil = null;
    }

    private boolean isClosed() {
        return closedUntil != null && closedUntil - System.nanoTime() > 0;
    }

    /** Why this peer, whom nothing else keeps out, should ask again later; empty when it need not. */
    synchronized Optional<String> notNow(Export export, @Nullable String bootId) {
        if (export.isRetired()) {
            return Optional.of("the export is being removed");
        }
        if (export.isChanging()) {
            return Optional.of("the export's size is changing");
        }
        Holding holding = holding(export.name());
        boolean joins = bootId == null && holding.holder != null;
        return !isClosed() || export.readOnly() || joins || holding.isOf(bootId)
                ? Optional.empty()
                : Optional.of("the host is being stopped");
    }

    /** Called with whether a guest has a lease, now and at each change; must not wait for anything. */
    public synchronized void watchGuests(Consumer<Boolean> watch) {
        guestsWatch = watch;
        guestsTold = false;
        tellGuestsWatch();
    }

    private void tellGuestsWatch() {
        boolean guests = holdings.values().stream().anyMatch(Holding::isOfGuest);
        if (guests != guestsTold) {
            guestsTold = guests;
            guestsWatch.accept(guests);
        }
    }

    /** Why this peer would not be let in now; empty when it would. */
    synchronized Optional<String> refusal(Export export, PeerAddress peer, @Nullable String bootId) {
        if (bootId != null) {
            Boot boot = boots.get(bootId);
            if (boot == null || !boot.export.equals(export.name())) {
                return Optional.of(
                        "the host was restarted, or never started this boot; its disk may have changed since");
            }
            if (boot.ended != null) {
                return Optional.of(boot.ended);
            }
        }
        Holding holding = holding(export.name());
        Lease.Holder holder = holding.holder;
        if (export.readOnly() || holder == null || holding.isOf(bootId)) {
            return Optional.empty();
        }
        boolean sameAddress = holder.address().equals(peer);
        if (holder.bootId() == null && bootId == null && sameAddress) {
            return Optional.empty();
        }
        if (holder.bootId() != null && bootId != null && sameAddress) {
            return holding.sessions.isEmpty()
                    ? Optional.empty()
                    : Optional.of(
                            "the earlier boot of this machine, %s, is still connected; it is given up within a minute"
                                    .formatted(Lease.shortened(holder.bootId())));
        }
        return Optional.of("export %s is in use by %s since %s; a writable export serves one machine at a time"
                .formatted(export.name(), holder.words(), holder.since().truncatedTo(ChronoUnit.SECONDS)));
    }

    /**
     * Lets a connection in, if the rules allow it. May wait until older connections of the same boot have let go, which
     * it tells them to; the newest that waits wins.
     */
    public synchronized Answer take(
            Export export, PeerAddress peer, @Nullable String bootId, Session session, Duration atMost) {
        Holding holding = holding(export.name());
        if (export.readOnly()) {
            return refusal(export, peer, bootId)
                    .<Answer>map(Answer.Refused::new)
                    .or(() -> notNow(export, bootId).map(Answer.NotNow::new))
                    .orElseGet(() -> {
                        boots.computeIfPresent(
                                bootId == null ? "" : bootId, (id, boot) -> new Boot(boot.export, true, boot.ended));
                        holding.sessions.add(session);
                        return new Answer.Granted();
                    });
        }
        long deadline = System.nanoTime() + atMost.toNanos();
        while (true) {
            Optional<String> refusal = refusal(export, peer, bootId);
            if (refusal.isPresent()) {
                return new Answer.Refused(refusal.get());
            }
            Optional<String> notNow = notNow(export, bootId);
            if (notNow.isPresent()) {
                return new Answer.NotNow(notNow.get());
            }
            boolean joins = bootId == null && holding.holder != null;
            if (joins || holding.sessions.isEmpty()) {
                return grant(export, holding, peer, bootId, session);
            }
            Optional<String> vain = awaitFence(holding, session, deadline);
            if (vain.isPresent()) {
                return new Answer.Abandoned(vain.get());
            }
        }
    }

    /** Waits until all who have the export have let go of it; answers why that was in vain, if it was. */
    private synchronized Optional<String> awaitFence(Holding holding, Session session, long deadline) {
        holding.waiting = session;
        holding.sessions.forEach(Session::fence);
        notifyAll();
        Optional<String> vain = Optional.empty();
        while (!holding.sessions.isEmpty() && vain.isEmpty()) {
            try {
                wait(LOOK_MILLIS);
                vain = whyInVain(holding, session, deadline);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                vain = Optional.of("this server stops");
            }
        }
        return vain;
    }

    private static Optional<String> whyInVain(Holding holding, Session session, long deadline) {
        if (!session.equals(holding.waiting)) {
            return Optional.of("a newer handshake came");
        }
        if (session.hungUp()) {
            return Optional.of("the peer closed while older connections were being ended");
        }
        return System.nanoTime() < deadline ? Optional.empty() : Optional.of("an older connection is still busy");
    }

    private Answer grant(Export export, Holding holding, PeerAddress peer, @Nullable String bootId, Session session) {
        Lease.Holder before = holding.holder;
        if (bootId == null) {
            if (before == null) {
                holding.holder = new Lease.Holder(peer, null, clock.instant(), 0);
                holding.writtenBefore = export.bytesWritten();
            }
        } else if (before != null && holding.isOf(bootId)) {
            Optional<String> trouble = letBack(export, holding, before, peer);
            if (trouble.isPresent()) {
                return new Answer.NotNow(trouble.get());
            }
        } else {
            try {
                hand(export, holding, peer, bootId);
            } catch (IOException e) {
                // A lease that a restart of this service would forget is none.
                LOG.log(System.Logger.Level.ERROR, "the lease of {0} could not be saved: {1}", export.name(), e);
                return new Answer.Refused("the host cannot keep the lease: " + e.getMessage());
            }
        }
        holding.waiting = null;
        holding.sessions.add(session);
        return new Answer.Granted();
    }

    /** From here on the disk is not as it was left: that must be saved before the guest can write to it. */
    private Optional<String> letBack(Export export, Holding holding, Lease.Holder before, PeerAddress peer) {
        DiskFingerprint left = holding.disk;
        holding.holder = before.reconnected(peer);
        holding.disk = left == null ? null : new DiskFingerprint(left.identity(), "");
        try {
            save();
        } catch (IOException e) {
            warnUnsaved(export, e);
            if (left != null && !left.writes().isEmpty()) {
                holding.holder = before;
                holding.disk = left;
                return Optional.of("the host cannot keep the lease: " + e.getMessage());
            }
        }
        return Optional.empty();
    }

    /** The export goes to a boot that did not have it. */
    private void hand(Export export, Holding holding, PeerAddress peer, String bootId) throws IOException {
        Lease.Holder before = holding.holder;
        DiskFingerprint diskBefore = holding.disk;
        long writtenBefore = holding.writtenBefore;
        Map<String, Boot> bootsBefore = new LinkedHashMap<>(boots);
        if (before != null) {
            revoke(holding, "a newer boot of the same machine has the disk");
        }
        // The newest again.
        boots.remove(bootId);
        boots.put(bootId, new Boot(export.name(), true, null));
        holding.holder = new Lease.Holder(peer, bootId, clock.instant(), 0);
        holding.writtenBefore = export.bytesWritten();
        try {
            holding.disk = new DiskFingerprint(export.fingerprint().identity(), "");
            save();
        } catch (IOException e) {
            holding.holder = before;
            holding.disk = diskBefore;
            holding.writtenBefore = writtenBefore;
            boots.clear();
            boots.putAll(bootsBefore);
            throw e;
        } finally {
            tellGuestsWatch();
        }
    }

    /**
     * The end of a connection that was granted an export.
     *
     * @param inOrder it ended with NBD_CMD_DISC: a guest then gives its lease back
     */
    public synchronized void release(Export export, Session session, boolean inOrder) {
        Holding holding = holding(export.name());
        if (!holding.sessions.remove(session)) {
            throw new IllegalStateException("this connection does not have " + export.name());
        }
        Lease.Holder holder = holding.holder;
        if (holder != null && holding.sessions.isEmpty()) {
            if (holder.bootId() == null) {
                holding.holder = null;
            } else if (inOrder) {
                end(holding, holder, "this boot has let go of the disk");
                unsaved = true;
            }
        }
        notifyAll();
        tellGuestsWatch();
        try {
            saveAgain();
        } catch (IOException e) {
            warnUnsaved(export, e);
        }
    }

    /** What came of an attempt to break a lease. */
    public sealed interface Broken {

        /** It was that holder's until now. */
        record Done(Lease.Holder holder) implements Broken {}

        /** Nothing was done, for somebody else has it now. */
        record OfAnother(Lease.Holder holder) implements Broken {}

        /** Nobody has it. */
        record OfNobody() implements Broken {}
    }

    /**
     * Takes the export from its holder, who is refused from now on.
     *
     * @param shown the holder that is meant: {@link Lease.Holder#isCalled}
     * @throws IOException when it could not be saved: its holder has lost it, but only until this service ends
     */
    public synchronized Broken breakLease(String export, String shown) throws IOException {
        Holding holding = holding(export);
        Lease.Holder holder = holding.holder;
        if (holder == null) {
            return new Broken.OfNobody();
        }
        if (!holder.isCalled(shown)) {
            return new Broken.OfAnother(holder);
        }
        revoke(holding, "its lease was broken on the host");
        holding.sessions.forEach(Session::fence);
        notifyAll();
        tellGuestsWatch();
        save();
        return new Broken.Done(holder);
    }

    public synchronized Lease of(String export) {
        Holding holding = holding(export);
        return new Lease(holding.holder, holding.sessions.size());
    }

    /** All leases that somebody has, by their exports' names, whether those are served now or not. */
    public synchronized Map<String, Lease> held() {
        Map<String, Lease> held = new TreeMap<>();
        holdings.forEach((export, holding) -> {
            if (holding.holder != null) {
                held.put(export, new Lease(holding.holder, holding.sessions.size()));
            }
        });
        return held;
    }

    /** What was written to the export since this service started by whoever has it now. */
    public synchronized long bytesWrittenByHolder(Export export) {
        Holding holding = holding(export.name());
        return holding.holder == null ? 0 : export.bytesWritten() - holding.writtenBefore;
    }

    private Holding holding(String export) {
        return holdings.computeIfAbsent(export, name -> new Holding());
    }

    private void saveOrWarn(Export export) {
        try {
            save();
        } catch (IOException e) {
            warnUnsaved(export, e);
        }
    }

    private static void warnUnsaved(Export export, IOException e) {
        LOG.log(System.Logger.Level.WARNING, "the lease of {0} could not be saved: {1}", export.name(), e);
    }

    /** What could not be saved is tried again at each change, since a lease that has ended must not come back. */
    private void saveAgain() throws IOException {
        if (unsaved) {
            save();
        }
    }

    /** Lines of fields between tabs, which no name of an export holds; whole or not at all. */
    private void save() throws IOException {
        if (file == null) {
            return;
        }
        unsaved = true;
        List<String> lines = new ArrayList<>(List.of("machine\t" + machine));
        boots.forEach((bootId, boot) -> lines.add(String.join(
                "\t", "boot", bootId, boot.export, boot.used ? "used" : "new", boot.ended == null ? "" : boot.ended)));
        holdings.forEach((export, holding) -> {
            Lease.Holder holder = holding.holder;
            DiskFingerprint disk = holding.disk;
            if (holder != null && holder.bootId() != null && disk != null) {
                lines.add(String.join(
                        "\t",
                        "lease",
                        export,
                        holder.address().text(),
                        holder.bootId(),
                        holder.since().toString(),
                        Integer.toString(holder.reconnects()),
                        disk.identity(),
                        disk.writes()));
            }
        });
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        Files.write(fresh, lines);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        unsaved = false;
    }

    private void load(List<String> lines) {
        if (lines.isEmpty() || !lines.getFirst().equals("machine\t" + machine)) {
            if (file != null) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "this machine was restarted since {0} was written: no guest of before is let back",
                        file);
            }
            return;
        }
        for (String line : lines) {
            List<String> fields = List.of(line.split("\t", -1));
            try {
                switch (fields.getFirst()) {
                    case "boot" -> loadBoot(fields);
                    case "lease" -> loadLease(fields);
                    default -> {}
                }
            } catch (RuntimeException e) {
                // A boot that is not known is refused: the safe side.
                LOG.log(System.Logger.Level.WARNING, "the leases have a line that says nothing: {0}", line);
            }
        }
    }

    private void loadBoot(List<String> fields) {
        if (isBootId(fields.get(1))) {
            String ended = fields.get(4);
            boots.put(
                    fields.get(1),
                    new Boot(fields.get(2), fields.get(3).equals("used"), ended.isEmpty() ? null : ended));
        }
    }

    private void loadLease(List<String> fields) {
        Boot boot = boots.get(fields.get(3));
        if (boot == null || boot.ended != null) {
            return;
        }
        Lease.Holder holder = new Lease.Holder(
                new PeerAddress(fields.get(2)),
                fields.get(3),
                Instant.parse(fields.get(4)),
                Integer.parseInt(fields.get(5)));
        DiskFingerprint disk = new DiskFingerprint(fields.get(6), fields.get(7));
        Holding holding = holding(fields.get(1));
        holding.holder = holder;
        holding.disk = disk;
    }
}
