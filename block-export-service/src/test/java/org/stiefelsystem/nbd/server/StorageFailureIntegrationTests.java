package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.nbd.export.Export;

/** File systems that fill up and devices that shrink, as the kernel has them; they need root. */
@NullUnmarked
@Timeout(120)
class StorageFailureIntegrationTests {

    private static final int SIZE = 16 << 20;
    private static final int PIECE = 64 << 10;
    private static final int FUA = 1;
    private static final int NO_HOLE = 2;
    private static final int EIO = 5;
    private static final int EINVAL = 22;
    private static final int ENOSPC = 28;

    @TempDir
    private Path directory;

    private Path small;
    private Path ballast;
    private Path image;
    private boolean mounted;
    private Path device;

    /** A file system of 4 MiB, of which half is used, with a sparse image that is larger than all of it. */
    @BeforeEach
    void mount() throws Exception {
        Tool.require("mount", "losetup");
        small = Files.createDirectory(directory.resolve("small"));
        Tool.Result mount = Tool.run("mount", "-t", "tmpfs", "-o", "size=4m", "stiefel-test", small);
        Tool.require(mount.status() == 0, "cannot mount: " + mount.output());
        mounted = true;
        ballast = Files.write(small.resolve("ballast"), new byte[2 << 20]);
        image = small.resolve("image");
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            file.setLength(SIZE);
        }
    }

    @AfterEach
    void unmount() throws Exception {
        if (device != null) {
            Tool.run("losetup", "--detach", device).orFail();
        }
        if (mounted) {
            Tool.run("umount", small).orFail();
        }
    }

    private void attach() throws Exception {
        Tool.Result result = Tool.run("losetup", "--find", "--show", image);
        Tool.require(result.status() == 0, "losetup cannot attach: " + result.output());
        device = Path.of(result.output().trim());
    }

    private static byte[] piece(int number) {
        byte[] piece = new byte[PIECE];
        Arrays.fill(piece, (byte) (number + 1));
        return piece;
    }

    private static int write(Peer peer, int flags, int number) throws IOException {
        peer.ask(flags, Peer.WRITE, number, (long) number * PIECE, PIECE, piece(number));
        return peer.answer(number);
    }

    private static void assertHolds(Peer peer, int number, byte[] expected) throws IOException {
        peer.ask(0, Peer.READ, 1000, (long) number * PIECE, PIECE);
        assertThat(peer.answer(1000)).isZero();
        assertThat(peer.receive(PIECE).array()).isEqualTo(expected);
    }

    private static int flush(Peer peer) throws IOException {
        peer.ask(0, Peer.FLUSH, 2000, 0, 0);
        return peer.answer(2000);
    }

    @Test
    void aFullFileSystemIsNoSpaceAndWhatWasWrittenIsThere() throws Exception {
        try (Export export = Export.open("root", image, false);
                TestServer server = TestServer.of(NbdLimits.defaults(), export);
                Peer peer = Peer.in(server.address(), "root")) {
            int fit = 0;
            int error = write(peer, 0, 0);
            while (error == 0) {
                error = write(peer, 0, ++fit);
            }
            assertThat(error).isEqualTo(ENOSPC);
            assertThat(fit).isBetween(1, (2 << 20) / PIECE);
            assertThat(write(peer, FUA, 200)).isEqualTo(ENOSPC);
            peer.ask(NO_HOLE, Peer.WRITE_ZEROES, 3, 0xa0_0000, PIECE);
            assertThat(peer.answer(3)).isEqualTo(ENOSPC);
            for (int number = 0; number < fit; number++) {
                assertHolds(peer, number, piece(number));
            }
            assertHolds(peer, 201, new byte[PIECE]);
            assertThat(flush(peer)).as("all that was answered is there").isZero();
            assertThat(write(peer, FUA, 0)).as("where there is room already").isZero();

            peer.ask(0, Peer.TRIM, 4, 0, 2 * PIECE);
            assertThat(peer.answer(4)).isZero();
            assertThat(write(peer, FUA, 202)).as("in the room that a trim made").isZero();
            Files.delete(ballast);
            for (int number = fit; number < fit + 8; number++) {
                assertThat(write(peer, FUA, number)).isZero();
                assertHolds(peer, number, piece(number));
            }
            assertHolds(peer, 0, new byte[PIECE]);
            assertThat(export.failed()).isFalse();
        }
    }

    /** The kernel takes the writes into its memory, and finds at the flush that they have no place. */
    @Test
    void aDeviceWhoseWritesCannotBeKeptSaysSoAtTheFlushAndForGood() throws Exception {
        attach();
        int pieces = (3 << 20) / PIECE;
        try (Export export = Export.open("root", device, false);
                TestServer server = TestServer.of(NbdLimits.defaults(), export)) {
            try (Peer peer = Peer.in(server.address(), "root")) {
                for (int number = 0; number < pieces; number++) {
                    assertThat(write(peer, 0, number)).isZero();
                }
                assertThat(flush(peer)).isEqualTo(EIO);
                Files.delete(ballast);
                assertThat(flush(peer))
                        .as("there is room now, and yet something is lost")
                        .isEqualTo(EIO);
                assertThat(write(peer, FUA, 0)).isEqualTo(EIO);
            }
            try (Peer later = Peer.in(server.address(), "root")) {
                assertThat(flush(later)).isEqualTo(EIO);
            }
            assertThat(export.failure()).contains("fdatasync");
        }
        try (Export again = Export.open("root", device, false);
                TestServer server = TestServer.of(NbdLimits.defaults(), again);
                Peer peer = Peer.in(server.address(), "root")) {
            for (int number = 0; number < pieces; number++) {
                assertThat(write(peer, 0, number)).isZero();
            }
            assertThat(flush(peer)).as("opened anew, and written anew").isZero();
            assertHolds(peer, pieces - 1, piece(pieces - 1));
        }
    }

    @Test
    void aDeviceThatShrinksIsAnErrorWhereItIsMissingAndHasFailed() throws Exception {
        attach();
        try (Export export = Export.open("root", device, false);
                TestServer server = TestServer.of(NbdLimits.defaults(), export);
                Peer peer = Peer.in(server.address(), "root")) {
            assertThat(write(peer, FUA, 0)).isZero();
            try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
                file.setLength(SIZE / 2);
            }
            Tool.run("losetup", "--set-capacity", device).orFail();
            peer.ask(0, Peer.READ, 1, SIZE - PIECE, PIECE);
            assertThat(peer.answer(1)).isEqualTo(EIO);
            assertHolds(peer, 0, piece(0));
            assertThat(write(peer, 0, SIZE / PIECE - 1)).isNotZero();
            assertThat(flush(peer)).isEqualTo(EIO);
            assertThat(export.failure()).contains("was cut off");
            peer.ask(0, Peer.READ, 2, SIZE, PIECE);
            assertThat(peer.answer(2)).isEqualTo(EINVAL);
        }
    }

    /** The kernel keeps what is open; that the name is gone is nobody's loss yet. */
    @Test
    void aDeviceWhoseFileIsDeletedIsServedOn() throws Exception {
        attach();
        try (Export export = Export.open("root", device, false);
                TestServer server = TestServer.of(NbdLimits.defaults(), export);
                Peer peer = Peer.in(server.address(), "root")) {
            Files.delete(image);
            Tool.run("losetup", "--detach", device).orFail();
            assertThat(write(peer, FUA, 0)).isZero();
            assertHolds(peer, 0, piece(0));
            assertThat(flush(peer)).isZero();
        }
        awaitGone();
        device = null;
    }

    private void awaitGone() {
        org.awaitility.Awaitility.await()
                .atMost(20, TimeUnit.SECONDS)
                .until(() -> Tool.run("losetup", device).status() != 0);
    }
}
