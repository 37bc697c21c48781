package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.nbd.export.DiskPart;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.Leases;

/** Block devices: loop devices, which need root and a kernel that has them. */
@NullUnmarked
class LoopDeviceIntegrationTests {

    private static final int SIZE = 32 << 20;

    @TempDir
    private Path directory;

    private Path image;
    private Path device;

    @BeforeEach
    void attach() throws Exception {
        Tool.require("losetup");
        image = Files.write(directory.resolve("image"), new byte[SIZE]);
        Tool.Result result = Tool.run("losetup", "--find", "--show", image);
        Tool.require(result.status() == 0, "losetup cannot attach: " + result.output());
        device = Path.of(result.output().trim());
    }

    @AfterEach
    void detach() throws Exception {
        if (device != null) {
            Tool.run("losetup", "--detach", device).orFail();
        }
    }

    @Test
    void clientsReadAndWriteADevice() throws Exception {
        Tool.require("nbdcopy", "qemu-io", "cmp");
        byte[] noise = new byte[SIZE];
        new Random(2).nextBytes(noise);
        Path random = Files.write(directory.resolve("random"), noise);
        Exports exports = new Exports(Leases.inMemory());
        try (exports;
                NbdServer server = serve(exports)) {
            String uri = "nbd://127.0.0.1:%d/root".formatted(server.address().getPort());
            Tool.run("nbdcopy", "--flush", random, uri).orFail();
            Tool.run("cmp", random, image).orFail();
            Tool.run("nbdcopy", uri, directory.resolve("copy")).orFail();
            Tool.run("cmp", random, directory.resolve("copy")).orFail();
            assertThat(Tool.run(
                                    "qemu-io",
                                    "-f",
                                    "raw",
                                    "-c",
                                    "write -P 7 0 1M",
                                    "-c",
                                    "write -z 100 100000",
                                    "-c",
                                    "write -zu 200k 100k",
                                    "-c",
                                    "discard 512k 128k",
                                    "-c",
                                    "flush",
                                    "-c",
                                    "read -P 7 0 100",
                                    "-c",
                                    "read -P 0 100 100000",
                                    "-c",
                                    "read -P 7 100100 100",
                                    "-c",
                                    "read -P 0 200k 100k",
                                    uri)
                            .orFail())
                    .doesNotContain("failed");
        }
    }

    @Test
    void aDeviceTellsItsBlockSizes() throws Exception {
        Tool.require("nbdinfo", "qemu-io");
        Tool.run("losetup", "--detach", device).orFail();
        for (int sector : new int[] {512, 4096}) {
            device = Path.of(Tool.run("losetup", "--find", "--show", "--sector-size", sector, image)
                    .orFail()
                    .trim());
            boolean rotational = Files.readString(
                            Path.of("/sys/class/block/%s/queue/rotational".formatted(device.getFileName())))
                    .startsWith("1");
            Exports exports = new Exports(Leases.inMemory());
            try (exports;
                    NbdServer server = serve(exports)) {
                String uri =
                        "nbd://127.0.0.1:%d/root".formatted(server.address().getPort());
                assertThat(Tool.run("nbdinfo", uri).orFail())
                        .contains("block_size_minimum: " + sector + "\n")
                        .contains("block_size_preferred: 4096\n")
                        .contains("is_rotational: " + (rotational ? "true" : "false"));
                // A client that does not keep to them is served all the same.
                try (Peer peer = Peer.in(server.address(), "root")) {
                    peer.ask(0, Peer.WRITE, 1, 511, 3, new byte[] {7, 8, 9});
                    assertThat(peer.answer(1)).isZero();
                    peer.ask(0, Peer.READ, 2, 512, 1);
                    assertThat(peer.answer(2)).isZero();
                    assertThat(peer.receive(1).get()).isEqualTo((byte) 8);
                    peer.ask(0, Peer.DISC, 3, 0, 0);
                    assertThat(peer.closedByServer()).isTrue();
                }
                try (Peer peer = Peer.in(server.address(), "root", Peer.OPT_STRUCTURED)) {
                    peer.ask(0, Peer.BLOCK_STATUS, 1, 0, 2 * sector);
                    assertThat(peer.structured().content().getInt(4)).isEqualTo(2 * sector);
                    peer.ask(0, Peer.BLOCK_STATUS, 2, 1, sector);
                    assertThat(peer.structured().error()).isEqualTo(22);
                }
            }
            try (Export cutting = Export.open("cutting", device, false, new DiskPart.Range(512, null))) {
                assertThat(cutting.blockSizes().minimum()).isEqualTo(512);
            }
            Tool.run("losetup", "--detach", device).orFail();
            device = null;
        }
    }

    /** A fast zero that is refused leaves what was written and not flushed; one that is not makes zeroes. */
    @Test
    void aFastZeroIsDoneOrChangesNothing() throws Exception {
        Exports exports = new Exports(Leases.inMemory());
        int fastZero = 16;
        int noHole = 2;
        try (exports;
                NbdServer server = serve(exports);
                Peer peer = Peer.in(server.address(), "root")) {
            for (int flags : new int[] {fastZero, fastZero | noHole}) {
                byte[] written = new byte[1 << 20];
                java.util.Arrays.fill(written, (byte) 5);
                peer.ask(0, Peer.WRITE, 1, 0, written.length, written);
                assertThat(peer.answer(1)).isZero();
                peer.ask(flags, Peer.WRITE_ZEROES, 2, 100, written.length - 200);
                int error = peer.answer(2);
                peer.ask(0, Peer.READ, 3, 0, written.length);
                assertThat(peer.answer(3)).isZero();
                byte[] read = new byte[written.length];
                peer.receive(written.length).get(read);
                if (error == 0) {
                    java.util.Arrays.fill(written, 100, written.length - 100, (byte) 0);
                } else {
                    assertThat(error).isEqualTo(95);
                }
                assertThat(read).isEqualTo(written);
            }
        }
    }

    /** The kernel keeps a loop device that is in use, whatever losetup says. */
    @Test
    void aDeviceThatIsDetachedIsServedUntilItIsClosed() throws Exception {
        Export export = Export.open("root", device, false);
        try (export) {
            Tool.run("losetup", "--detach", device).orFail();
            java.nio.ByteBuffer bytes = java.nio.ByteBuffer.allocateDirect(512);
            export.write(bytes, 0);
            export.sync();
            export.read(bytes.clear(), 0);
            assertThat(export.failed()).isFalse();
        }
        device = null;
    }

    @Test
    void aDeviceGrowsAndItsPartitionsAreExports() throws Exception {
        Tool.require("sfdisk", "truncate");
        Path script = Files.writeString(directory.resolve("table"), "label: gpt\nsize=4MiB\nsize=8MiB\n");
        Tool.run("sh", "-c", "sfdisk -q " + device + " < " + script).orFail();
        try (Export second = Export.open("p2", device, false, new DiskPart.Partition(2));
                Export first = Export.open("p1", device, false, new DiskPart.Partition(1))) {
            assertThat(first.size()).isEqualTo(4 << 20);
            assertThat(second.size()).isEqualTo(8 << 20);
            assertThat(second.offset()).isEqualTo(first.offset() + (4 << 20));
        }
        try (Export whole = Export.open("root", device, false)) {
            Tool.run("truncate", "--size=" + 2 * SIZE, image).orFail();
            Tool.run("losetup", "--set-capacity", device).orFail();
            whole.grow();
            assertThat(whole.size()).isEqualTo(2L * SIZE);
        }
    }

    private NbdServer serve(Exports exports) throws IOException {
        exports.add(Export.open("root", device, false));
        NbdServer server = new NbdServer(
                new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0),
                exports,
                NbdLimits.defaults(),
                NbdObserver.NONE);
        server.start();
        return server;
    }
}
