package org.stiefelsystem.nbd.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.nbd.export.Leases.Answer;

/** DESIGN, safety rules 2 and 3. */
@Tag("safety-rule-2")
class LeasesTests {

    private static final PeerAddress GUEST = new PeerAddress("fe80::1%br0");
    private static final PeerAddress OTHER = new PeerAddress("fe80::1%br1");
    private static final String BOOT = bootId(1);
    private static final String LATER_BOOT = bootId(2);
    private static final String THIS_RUN = "11111111-1111-1111-1111-111111111111";
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @TempDir
    private Path directory;

    private Path file;
    private Path image;
    private Leases leases;
    private Export root;
    private final List<Export> opened = new ArrayList<>();

    @BeforeEach
    void serve() throws IOException {
        file = directory.resolve("leases");
        image = directory.resolve("disk.img");
        Files.write(image, new byte[1 << 20]);
        start(THIS_RUN);
    }

    @AfterEach
    void close() throws IOException {
        opened.forEach(Export::close);
        opened.clear();
        if (leases != null) {
            leases.close();
        }
    }

    /** The service starts, maybe again. */
    private void start(String machine) throws IOException {
        close();
        leases = Leases.in(file, machine);
        root = Export.open("root", image, false);
        opened.add(root);
        leases.attach(root);
    }

    private static String bootId(int number) {
        return "%032x".formatted(number);
    }

    /** A connection that lets go when the test says so. */
    private final class Connection implements Session {

        private volatile boolean fenced;
        private volatile boolean hungUp;

        @Override
        public void fence() {
            fenced = true;
        }

        @Override
        public boolean hungUp() {
            return hungUp;
        }

        Connection take(PeerAddress from, @Nullable String bootId) {
            assertThat(ask(from, bootId)).isEqualTo(new Answer.Granted());
            return this;
        }

        Answer ask(PeerAddress from, @Nullable String bootId) {
            return leases.take(root, from, bootId, this, PATIENCE);
        }

        void end() {
            leases.release(root, this, false);
        }

        void endInOrder() {
            leases.release(root, this, true);
        }
    }

    private Connection connection() {
        return new Connection();
    }

    /** On a thread of its own: the common pool has few, and an answer may wait. */
    private static CompletableFuture<Answer> meanwhile(Supplier<Answer> question) {
        return CompletableFuture.supplyAsync(question, Thread::startVirtualThread);
    }

    private String refusal(PeerAddress from, @Nullable String bootId) {
        Answer answer = connection().ask(from, bootId);
        assertThat(answer).isInstanceOf(Answer.Refused.class);
        assertThat(leases.refusal(root, from, bootId)).contains(((Answer.Refused) answer).words());
        return ((Answer.Refused) answer).words();
    }

    private Lease lease() {
        return leases.of("root");
    }

    private Lease.Holder holder() {
        return Objects.requireNonNull(lease().holder());
    }

    @Test
    void aToolHoldsAWritableExportUntilItsLastConnectionEnds() {
        Connection one = connection().take(GUEST, null);
        Connection two = connection().take(GUEST, null);
        assertThat(refusal(OTHER, null)).contains("in use by fe80::1%br0 by its plain name since");
        one.end();
        assertThat(lease().state()).isEqualTo(Lease.State.HELD);
        assertThat(lease().connections()).isEqualTo(1);
        two.endInOrder();
        assertThat(lease().state()).isEqualTo(Lease.State.FREE);
        connection().take(OTHER, null);
    }

    @Test
    void aReadOnlyExportIsHeldByNobody() throws IOException {
        Path other = directory.resolve("ro.img");
        Files.write(other, new byte[4096]);
        Export readOnly = Export.open("ro", other, true);
        opened.add(readOnly);
        leases.register(BOOT, "ro");
        for (PeerAddress from : List.of(GUEST, OTHER)) {
            for (int i = 0; i < 2; i++) {
                assertThat(leases.take(readOnly, from, BOOT, connection(), PATIENCE))
                        .isEqualTo(new Answer.Granted());
            }
        }
        assertThat(leases.of("ro")).isEqualTo(new Lease(null, 4));
        assertThat(leases.take(readOnly, GUEST, LATER_BOOT, connection(), PATIENCE))
                .isInstanceOf(Answer.Refused.class);
    }

    @Test
    void aGuestKeepsItsLeaseWhenItsConnectionIsLost() throws IOException {
        leases.register(BOOT, "root");
        Connection first = connection().take(GUEST, BOOT);
        Instant since = holder().since();
        first.end();
        assertThat(lease().state()).isEqualTo(Lease.State.WAITING);
        assertThat(refusal(OTHER, null)).contains("in use by fe80::1%br0 (boot 00000000)");
        assertThat(refusal(GUEST, null)).contains("in use by");
        leases.register(LATER_BOOT, "root");
        assertThat(refusal(OTHER, LATER_BOOT)).contains("in use by fe80::1%br0");
        connection().take(GUEST, BOOT);
        assertThat(lease().holder()).isEqualTo(new Lease.Holder(GUEST, BOOT, since, 1));
        assertThat(lease().state()).isEqualTo(Lease.State.HELD);
    }

    @Test
    void theBootIdAloneAdmitsAReconnectAndTheAddressIsUpdated() throws IOException {
        leases.register(BOOT, "root");
        connection().take(GUEST, BOOT).end();
        connection().take(OTHER, BOOT);
        assertThat(holder().address()).isEqualTo(OTHER);
    }

    @Test
    void disconnectingGivesTheLeaseBackForGood() throws IOException {
        leases.register(BOOT, "root");
        connection().take(GUEST, BOOT).endInOrder();
        assertThat(lease().state()).isEqualTo(Lease.State.FREE);
        assertThat(refusal(GUEST, BOOT)).isEqualTo("this boot has let go of the disk");
        start(THIS_RUN);
        assertThat(refusal(GUEST, BOOT)).isEqualTo("this boot has let go of the disk");
        connection().take(OTHER, null);
    }

    @Test
    void aNewerBootAtTheSameAddressTakesOverOnceTheOldOneIsGone() throws IOException {
        leases.register(BOOT, "root");
        leases.register(LATER_BOOT, "root");
        Connection old = connection().take(GUEST, BOOT);
        assertThat(refusal(GUEST, LATER_BOOT)).contains("the earlier boot of this machine", "still connected");
        old.end();
        connection().take(GUEST, LATER_BOOT);
        assertThat(holder().bootId()).isEqualTo(LATER_BOOT);
        assertThat(holder().reconnects()).isZero();
        assertThat(refusal(GUEST, BOOT)).isEqualTo("a newer boot of the same machine has the disk");
    }

    @Test
    void aBrokenLeaseIsRefusedForEver() throws IOException {
        assertThat(leases.breakLease("root", BOOT)).isEqualTo(new Leases.Broken.OfNobody());
        leases.register(BOOT, "root");
        Connection guest = connection().take(GUEST, BOOT);
        Lease.Holder holder = holder();
        for (String another : List.of(LATER_BOOT, GUEST.text())) {
            assertThat(leases.breakLease("root", another)).isEqualTo(new Leases.Broken.OfAnother(holder));
        }
        assertThat(guest.fenced).isFalse();
        assertThat(leases.breakLease("root", BOOT)).isEqualTo(new Leases.Broken.Done(holder));
        assertThat(guest.fenced).isTrue();
        assertThat(lease()).isEqualTo(new Lease(null, 1));
        guest.endInOrder();
        assertThat(refusal(GUEST, BOOT)).isEqualTo("its lease was broken on the host");
        start(THIS_RUN);
        assertThat(refusal(GUEST, BOOT)).isEqualTo("its lease was broken on the host");
    }

    @Test
    void whoTakesABrokenLeaseWaitsUntilItsHolderHasLetGo() throws Exception {
        leases.register(BOOT, "root");
        Connection guest = connection().take(GUEST, BOOT);
        leases.breakLease("root", BOOT);
        CompletableFuture<Answer> tool = meanwhile(() -> connection().ask(OTHER, null));
        await().until(() -> guest.fenced);
        assertThat(tool).isNotDone();
        guest.end();
        assertThat(tool.get()).isEqualTo(new Answer.Granted());
    }

    // ---- the fence ----

    @Test
    void aReconnectIsLetInOnlyWhenTheOlderConnectionHasLetGo() throws Exception {
        leases.register(BOOT, "root");
        Connection old = connection().take(GUEST, BOOT);
        CompletableFuture<Answer> reconnect = meanwhile(() -> connection().ask(GUEST, BOOT));
        await().until(() -> old.fenced);
        assertThat(reconnect).isNotDone();
        assertThat(lease().connections()).isEqualTo(1);
        old.end();
        assertThat(reconnect.get()).isEqualTo(new Answer.Granted());
        assertThat(lease().connections()).isEqualTo(1);
    }

    @Test
    void theNewestHandshakeThatWaitsWins() throws Exception {
        leases.register(BOOT, "root");
        Connection old = connection().take(GUEST, BOOT);
        CompletableFuture<Answer> second = meanwhile(() -> connection().ask(GUEST, BOOT));
        await().until(() -> old.fenced);
        Connection newest = connection();
        CompletableFuture<Answer> third = meanwhile(() -> newest.ask(GUEST, BOOT));
        assertThat(second.get()).isEqualTo(new Answer.Abandoned("a newer handshake came"));
        assertThat(third).isNotDone();
        old.end();
        assertThat(third.get()).isEqualTo(new Answer.Granted());
    }

    @Test
    void aWaitingHandshakeWhosePeerIsGoneGivesUp() throws Exception {
        leases.register(BOOT, "root");
        Connection old = connection().take(GUEST, BOOT);
        Connection gone = connection();
        gone.hungUp = true;
        assertThat(gone.ask(GUEST, BOOT)).isInstanceOf(Answer.Abandoned.class);
        assertThat(old.fenced).isTrue();
        old.end();
        assertThat(lease().state()).isEqualTo(Lease.State.WAITING);
    }

    @Test
    void aWaitingHandshakeHasADeadline() throws Exception {
        leases.register(BOOT, "root");
        connection().take(GUEST, BOOT);
        assertThat(leases.take(root, GUEST, BOOT, connection(), Duration.ofMillis(1)))
                .isEqualTo(new Answer.Abandoned("an older connection is still busy"));
    }

    @Test
    void aRefusalComesToWhoWaitsWhenTheLeaseIsBrokenMeanwhile() throws Exception {
        leases.register(BOOT, "root");
        Connection old = connection().take(GUEST, BOOT);
        CompletableFuture<Answer> reconnect = meanwhile(() -> connection().ask(GUEST, BOOT));
        await().until(() -> old.fenced);
        leases.breakLease("root", BOOT);
        old.end();
        assertThat(reconnect.get()).isEqualTo(new Answer.Refused("its lease was broken on the host"));
    }

    // ---- rule 3: kept for one run of this machine ----

    @Test
    void aLeaseSurvivesARestartOfTheService() throws IOException {
        leases.register(BOOT, "root");
        connection().take(GUEST, BOOT).end();
        connection().take(GUEST, BOOT);
        Lease.Holder before = lease().holder();
        start(THIS_RUN);
        assertThat(lease()).isEqualTo(new Lease(before, 0));
        assertThat(refusal(OTHER, null)).contains("in use by fe80::1%br0");
        connection().take(GUEST, BOOT);
        assertThat(holder().reconnects()).isEqualTo(2);
    }

    @Test
    void aToolsLeaseDoesNot() throws IOException {
        connection().take(GUEST, null);
        start(THIS_RUN);
        assertThat(lease()).isEqualTo(new Lease(null, 0));
    }

    @Test
    void noLeaseSurvivesARestartOfTheMachine() throws IOException {
        leases.register(BOOT, "root");
        connection().take(GUEST, BOOT);
        start("22222222-2222-2222-2222-222222222222");
        assertThat(lease()).isEqualTo(new Lease(null, 0));
        assertThat(refusal(GUEST, BOOT)).contains("the host was restarted", "its disk may have changed");
        connection().take(OTHER, null);
    }

    @Test
    void aGuestIsNotLetBackToAnotherDisk() throws IOException {
        leases.register(BOOT, "root");
        connection().take(GUEST, BOOT);
        image = directory.resolve("other.img");
        Files.write(image, new byte[1 << 20]);
        start(THIS_RUN);
        assertThat(refusal(GUEST, BOOT)).contains("not the same as before");
        assertThat(lease().state()).isEqualTo(Lease.State.FREE);
    }

    @Test
    void aGuestIsNotLetBackToADiskOfAnotherSize() throws IOException {
        leases.register(BOOT, "root");
        connection().take(GUEST, BOOT);
        Files.write(image, new byte[512], StandardOpenOption.APPEND);
        start(THIS_RUN);
        assertThat(refusal(GUEST, BOOT)).contains("of another size");
    }

    @Test
    void aGuestIsNotLetBackToADiskThatWasWrittenToWhileItWasNotServed() throws IOException {
        leases.register(BOOT, "root");
        connection().take(GUEST, BOOT);
        root.write(ByteBuffer.allocateDirect(512), 0);
        leases.settle(root);
        start(THIS_RUN);
        connection().take(GUEST, BOOT);
        leases.settle(root);
        Files.setLastModifiedTime(image, FileTime.from(Instant.now().plusNanos(1000)));
        start(THIS_RUN);
        assertThat(refusal(GUEST, BOOT)).isEqualTo("the disk was written to while it was not served");
    }

    @Test
    void aServiceThatWasKilledLetsItsGuestBack() throws IOException {
        leases.register(BOOT, "root");
        connection().take(GUEST, BOOT);
        leases.settle(root);
        start(THIS_RUN);
        connection().take(GUEST, BOOT);
        // Killed: nothing is settled, although the disk was written to.
        root.write(ByteBuffer.allocateDirect(512), 0);
        Files.setLastModifiedTime(image, FileTime.from(Instant.now().plusSeconds(1)));
        start(THIS_RUN);
        connection().take(GUEST, BOOT);
    }

    @Test
    void nonsenseInTheFileIsNoLease() throws IOException {
        leases.register(BOOT, "root");
        connection().take(GUEST, BOOT);
        List<String> lines = new ArrayList<>(Files.readAllLines(file));
        lines.addAll(
                List.of("lease", "lease\troot\tx", "boot\tx", "\t\t", "lease\tother\ta\t" + BOOT + "\tnever\tx\ty\tz"));
        Files.write(file, lines);
        start(THIS_RUN);
        assertThat(holder().bootId()).isEqualTo(BOOT);
        Files.writeString(file, "garbage\n");
        start(THIS_RUN);
        assertThat(lease().holder()).isNull();
    }

    @Test
    void aGuestIsNotLetBackAfterAStartInVain() throws IOException {
        leases.register(BOOT, "root");
        connection().take(GUEST, BOOT).end();
        leases.settle(root);
        // Ends before the guest comes: a port is in use, say.
        start(THIS_RUN);
        start(THIS_RUN);
        Files.setLastModifiedTime(image, FileTime.from(Instant.now().plusNanos(1000)));
        start(THIS_RUN);
        assertThat(refusal(GUEST, BOOT)).isEqualTo("the disk was written to while it was not served");
    }

    @Test
    void aGuestIsLetBackOnlyWhenItIsSavedThatItMayWrite() throws IOException {
        leases.register(BOOT, "root");
        connection().take(GUEST, BOOT).end();
        leases.settle(root);
        start(THIS_RUN);
        obstruct();
        assertThat(connection().ask(GUEST, BOOT))
                .isInstanceOfSatisfying(
                        Answer.NotNow.class,
                        answer -> assertThat(answer.words()).contains("cannot keep the lease"));
        assertThat(lease().state()).isEqualTo(Lease.State.WAITING);
        clear();
        connection().take(GUEST, BOOT);
    }

    @Test
    void theEndOfALeaseThatCouldNotBeSavedIsSavedLater() throws IOException {
        leases.register(BOOT, "root");
        leases.register(LATER_BOOT, "root");
        Connection first = connection().take(GUEST, BOOT);
        obstruct();
        first.endInOrder();
        clear();
        connection().take(OTHER, null).end();
        start(THIS_RUN);
        assertThat(refusal(GUEST, BOOT)).isEqualTo("this boot has let go of the disk");

        connection().take(GUEST, LATER_BOOT).end();
        obstruct();
        assertThatIOException().isThrownBy(() -> leases.breakLease("root", LATER_BOOT));
        assertThat(lease().holder()).isNull();
        clear();
        leases.settle(root);
        start(THIS_RUN);
        assertThat(refusal(GUEST, LATER_BOOT)).isEqualTo("its lease was broken on the host");
    }

    /** Nothing can be saved any more. */
    private void obstruct() throws IOException {
        Files.createDirectories(directory.resolve("leases.new/obstacle"));
    }

    private void clear() throws IOException {
        Files.delete(directory.resolve("leases.new/obstacle"));
        Files.delete(directory.resolve("leases.new"));
    }

    @Test
    void aGuestIsNotLetBackToADiskThatFailedAtTheEnd() throws IOException {
        leases.register(BOOT, "root");
        connection().take(GUEST, BOOT).end();
        leases.disown(root);
        start(THIS_RUN);
        assertThat(refusal(GUEST, BOOT)).contains("the disk failed when the service ended");
    }

    @Test
    void whatAnEarlierProcessWroteIsFlushedBeforeItsGuestIsLetBack() throws IOException {
        leases.register(BOOT, "root");
        connection().take(GUEST, BOOT);
        start(THIS_RUN);
        FakeDisk disk = new FakeDisk(4096);
        leases.attach(disk.export("root"));
        assertThat(disk.calls()).containsExactly("sync");
        assertThat(lease().holder()).as("another disk").isNull();
    }

    // ---- a lease is of a disk ----

    @Test
    void aDiskThatIsLeasedIsNotServedWritableUnderAnotherName() throws IOException {
        leases.register(BOOT, "root");
        connection().take(GUEST, BOOT).end();
        root.close();
        try (Export other = Export.open("other", image, false)) {
            assertThatExceptionOfType(RefusedException.class)
                    .isThrownBy(() -> leases.attach(other))
                    .satisfies(e -> {
                        assertThat(e.what()).contains("leased to fe80::1%br0 (boot 00000000), as export root");
                        assertThat(e.remedy()).contains("stiefelctl exports lease break root");
                    });
            assertThat(leases.held()).containsOnlyKeys("root");
            leases.breakLease("root", BOOT);
            leases.attach(other);
        }
        try (Export readOnly = Export.open("other", image, true)) {
            leases.attach(readOnly);
        }
    }

    @Test
    void aToolBesideTheServiceRespectsItsLeases() throws IOException {
        leases.register(BOOT, "root");
        connection().take(GUEST, BOOT).end();
        Leases tool = Leases.inMemoryBeside(file, THIS_RUN);
        assertThatExceptionOfType(RefusedException.class).isThrownBy(() -> tool.attach(root));
        Leases.inMemoryBeside(file, "22222222-2222-2222-2222-222222222222").attach(root);
        Leases.inMemoryBeside(directory.resolve("nothing"), THIS_RUN).attach(root);
        leases.breakLease("root", BOOT);
        tool.attach(root);
        assertThatExceptionOfType(RefusedException.class)
                .isThrownBy(() -> tool.register(BOOT, "root"))
                .withMessageContaining("keeps no leases");
    }

    @Test
    void twoServicesDoNotKeepTheirLeasesInOneFile() throws IOException {
        leases.register(BOOT, "root");
        assertThatExceptionOfType(RefusedException.class)
                .isThrownBy(() -> Leases.in(file, THIS_RUN))
                .withMessageContaining("Another block export keeps its leases in " + directory);
        start(THIS_RUN);
        assertThat(leases.refusal(root, GUEST, BOOT)).isEmpty();
    }

    // ---- before a stop ----

    @Test
    void nobodyNewIsLetInWhileTheHostIsBeingStopped() throws IOException {
        leases.register(BOOT, "root");
        leases.register(LATER_BOOT, "root");
        leases.closeFor(PATIENCE);
        assertThat(connection().ask(GUEST, BOOT)).isEqualTo(new Answer.NotNow("the host is being stopped"));
        assertThat(connection().ask(OTHER, null)).isInstanceOf(Answer.NotNow.class);
        assertThatExceptionOfType(RefusedException.class)
                .isThrownBy(() -> leases.register(bootId(3), "root"))
                .withMessageContaining("being stopped");
        leases.reopen();
        connection().take(GUEST, BOOT).end();
        leases.closeFor(PATIENCE);
        connection().take(GUEST, BOOT).end();
        assertThat(connection().ask(GUEST, LATER_BOOT)).as("a take-over").isInstanceOf(Answer.NotNow.class);
        leases.closeFor(Duration.ZERO);
        connection().take(GUEST, LATER_BOOT);
    }

    @Test
    void whoeverWantsToKnowIsToldWhetherAGuestHasALease() throws IOException {
        List<Boolean> told = new ArrayList<>();
        leases.watchGuests(told::add);
        connection().take(OTHER, null).end();
        assertThat(told).isEmpty();
        leases.register(BOOT, "root");
        leases.register(LATER_BOOT, "root");
        connection().take(GUEST, BOOT).end();
        connection().take(GUEST, LATER_BOOT);
        assertThat(told).containsExactly(true);
        start(THIS_RUN);
        told.clear();
        leases.watchGuests(told::add);
        assertThat(told).as("one of before").containsExactly(true);
        leases.breakLease("root", LATER_BOOT);
        assertThat(told).containsExactly(true, false);
    }

    @Test
    void whatWasWrittenIsCountedForEachHolder() throws IOException {
        connection().take(OTHER, null).end();
        root.write(ByteBuffer.allocateDirect(512), 0);
        assertThat(leases.bytesWrittenByHolder(root)).as("nobody has it").isZero();
        leases.register(BOOT, "root");
        connection().take(GUEST, BOOT);
        root.write(ByteBuffer.allocateDirect(1024), 0);
        assertThat(leases.bytesWrittenByHolder(root)).isEqualTo(1024);
        root.sync();
        root.zero(0, 4096, false);
        root.trim(4096, 4096);
        assertThat(root.bytesUnflushed()).isEqualTo(8192);
        assertThat(root.bytesWritten()).isEqualTo(1536);
    }

    // ---- boot ids ----

    @Test
    void aBootIdIsForOneExport() throws IOException {
        leases.register(BOOT, "other");
        assertThat(refusal(GUEST, BOOT)).contains("never started this boot");
        assertThat(refusal(GUEST, LATER_BOOT)).contains("never started this boot");
    }

    @Test
    void onlyTheNewestBootIdsAreKept() throws IOException {
        for (int i = 0; i <= Leases.MAX_BOOT_IDS; i++) {
            leases.register(bootId(i), "root");
        }
        assertThat(leases.refusal(root, GUEST, bootId(0))).isPresent();
        assertThat(leases.refusal(root, GUEST, bootId(1))).isEmpty();
    }

    @Test
    void theHolderIsNeverForgottenAndTheEndedGoFirst() throws IOException {
        leases.register(bootId(0), "root");
        connection().take(GUEST, bootId(0)).endInOrder();
        leases.register(bootId(1), "root");
        connection().take(GUEST, bootId(1));
        for (int i = 2; i < Leases.MAX_BOOT_IDS; i++) {
            leases.register(bootId(i), "root");
        }
        leases.register(bootId(100), "root");
        assertThat(refusal(GUEST, bootId(0))).contains("never started this boot");
        assertThat(refusal(GUEST, bootId(2))).contains("still connected");
        for (int i = 0; i < 3 * Leases.MAX_BOOT_IDS; i++) {
            leases.register(bootId(1000 + i), "root");
        }
        assertThat(leases.refusal(root, GUEST, bootId(1))).isEmpty();
        start(THIS_RUN);
        assertThat(leases.refusal(root, GUEST, bootId(1))).isEmpty();
    }

    @Test
    void whatCannotBeSavedIsNotGranted() throws IOException {
        obstruct();
        assertThatIOException().isThrownBy(() -> leases.register(BOOT, "root"));
        assertThat(leases.refusal(root, GUEST, BOOT)).isPresent();
        clear();
        leases.register(BOOT, "root");
        obstruct();
        Answer answer = connection().ask(GUEST, BOOT);
        assertThat(answer).isInstanceOf(Answer.Refused.class);
        assertThat(((Answer.Refused) answer).words()).contains("cannot keep the lease");
        assertThat(lease()).isEqualTo(new Lease(null, 0));
    }

    @Test
    void whatIsNoBootIdIsNotRegistered() {
        for (String text :
                new String[] {"", "0", BOOT + "0", "A" + BOOT.substring(1), BOOT.toUpperCase(Locale.ROOT) + " "}) {
            assertThatIllegalArgumentException().isThrownBy(() -> leases.register(text, "root"));
        }
    }
}
