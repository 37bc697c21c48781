package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

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
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.Leases;
import org.stiefelsystem.nbd.export.RefusedException;
import org.stiefelsystem.nbd.linux.OpenFiles;

/** Clients that somebody else wrote, against files. */
@NullUnmarked
class ForeignClientsIntegrationTests {

    private static final int SIZE = 64 << 20;

    @TempDir
    private Path directory;

    private Path image;
    private Path random;
    private Exports exports;
    private NbdServer server;

    @BeforeEach
    void start() throws IOException {
        image = Files.write(directory.resolve("image"), new byte[SIZE]);
        byte[] noise = new byte[SIZE];
        new Random(1).nextBytes(noise);
        random = Files.write(directory.resolve("random"), noise);
        exports = new Exports(Leases.inMemory());
        exports.add(Export.open("root", image, false));
        exports.add(Export.open("random", random, true));
        server = new NbdServer(
                new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0),
                exports,
                NbdLimits.defaults(),
                NbdObserver.NONE);
        server.start();
    }

    @AfterEach
    void stop() {
        server.close();
        exports.close();
    }

    private String uri(String export) {
        return "nbd://127.0.0.1:%d/%s".formatted(server.address().getPort(), export);
    }

    private static Tool.Result run(String uri, String... commands) throws Exception {
        Object[] line = new Object[4 + 2 * commands.length];
        line[0] = "qemu-io";
        line[1] = "-f";
        line[2] = "raw";
        for (int i = 0; i < commands.length; i++) {
            line[3 + 2 * i] = "-c";
            line[4 + 2 * i] = commands[i];
        }
        line[line.length - 1] = uri;
        return Tool.run(line);
    }

    private static String io(String uri, String... commands) throws Exception {
        return run(uri, commands).orFail();
    }

    @Test
    void nbdinfoSeesWhatIsOffered() throws Exception {
        Tool.require("nbdinfo");
        assertThat(Tool.run("nbdinfo", uri("root")).orFail())
                .contains("protocol: newstyle-fixed without TLS, using simple packets")
                .contains("export-size: " + SIZE)
                .contains("is_read_only: false")
                .contains("can_flush: true")
                .contains("can_fua: true")
                .contains("can_multi_conn: true")
                .contains("can_trim: true")
                .contains("can_zero: true")
                .contains("block_size_minimum: 1\n")
                .contains("block_size_preferred: 4096\n")
                .contains("block_size_maximum: 33554432\n");
        assertThat(Tool.run("nbdinfo", uri("random")).orFail()).contains("is_read_only: true");
        assertThat(Tool.run("nbdinfo", "--list", uri("")).orFail())
                .contains("export=\"root\"")
                .contains("export=\"random\"");
        assertThat(Tool.run("nbdinfo", uri("nothing")).status()).isNotZero();
    }

    @Test
    void nbdcopyCopiesBothWays() throws Exception {
        Tool.require("nbdcopy", "cmp");
        Tool.run("nbdcopy", "--flush", random, uri("root")).orFail();
        Tool.run("cmp", random, image).orFail();
        for (String connections : new String[] {"1", "4"}) {
            Path copy = directory.resolve("copy" + connections);
            Tool.run("nbdcopy", "--connections=" + connections, uri("root"), copy)
                    .orFail();
            Tool.run("cmp", random, copy).orFail();
        }
        Tool.run("nbdcopy", "--request-size=33554432", uri("random"), uri("root"))
                .orFail();
        Tool.run("cmp", random, image).orFail();
    }

    @Test
    void qemuImgComparesAndConverts() throws Exception {
        Tool.require("qemu-img", "cmp");
        Tool.run("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", random, uri("root"))
                .orFail();
        assertThat(Tool.run("qemu-img", "compare", "-f", "raw", "-F", "raw", uri("root"), uri("random"))
                        .orFail())
                .contains("Images are identical");
        Path back = directory.resolve("back");
        Tool.run("qemu-img", "convert", "-f", "raw", "-O", "raw", uri("root"), back)
                .orFail();
        Tool.run("cmp", random, back).orFail();
    }

    @Test
    void qemuIoWritesZeroesDiscardsAndForces() throws Exception {
        Tool.require("qemu-io");
        String output = io(
                uri("root"),
                "write -P 1 0 1M",
                "write -f -P 2 512 65536",
                "write -P 3 1M 3M",
                "write -z 2M 512k",
                "write -zu 3M 512k",
                "write -z -f 100k 4k",
                "discard 3584k 256k",
                "aio_write -P 4 8M 1M",
                "aio_write -P 5 9M 1M",
                "aio_flush",
                "flush",
                "read -P 1 0 512",
                "read -P 2 512 65536",
                "read -P 0 100k 4k",
                "read -P 3 1M 1M",
                "read -P 0 2M 512k",
                "read -P 0 3M 512k",
                "read -P 4 8M 1M",
                "read -P 5 9M 1M");
        assertThat(output).doesNotContain("Pattern verification failed").doesNotContain("failed");
        Tool.Result wrong = run(uri("root"), "read -P 9 0 512");
        assertThat(wrong.status()).isNotZero();
        assertThat(wrong.output()).contains("Pattern verification failed");
    }

    @Test
    void qemuIoMayNotWriteToAReadOnlyExport() throws Exception {
        Tool.require("qemu-io");
        Tool.Result write = Tool.run("qemu-io", "-f", "raw", "-c", "write 0 512", uri("random"));
        assertThat(write.status()).isNotZero();
        assertThat(write.output()).contains("Permission denied");
        assertThat(Tool.run("qemu-io", "-r", "-f", "raw", "-c", "read 0 512", uri("random"))
                        .orFail())
                .contains("read 512/512");
    }

    @Test
    void fioVerifiesWhatItWrote() throws Exception {
        Tool.require("fio");
        Tool.require(Tool.run("fio", "--enghelp").output().contains("\tnbd"), "fio has no nbd engine");
        String[][] loads = {
            {"--bs=4k", "--iodepth=32", "--size=16m"},
            {"--bs=64k", "--iodepth=128", "--size=48m"},
            {"--bsrange=512-1m", "--bs_unaligned=1", "--iodepth=8", "--size=48m"},
        };
        for (String[] load : loads) {
            Object[] line = new Object[7 + load.length];
            line[0] = "fio";
            line[1] = "--name=verify";
            line[2] = "--ioengine=nbd";
            line[3] = "--uri=" + uri("root");
            line[4] = "--rw=randwrite";
            line[5] = "--verify=crc32c";
            line[6] = "--verify_fatal=1";
            System.arraycopy(load, 0, line, 7, load.length);
            assertThat(Tool.run(line).orFail()).contains("err= 0");
        }
    }

    @Test
    void qemuRefusesAFileThatIsServed() throws Exception {
        Tool.require("qemu-io");
        for (Tool.Result result : new Tool.Result[] {
            Tool.run("qemu-io", "-f", "raw", "-c", "write 0 512", image),
            Tool.run("qemu-io", "-r", "-f", "raw", "-c", "read 0 512", image)
        }) {
            assertThat(result.output()).contains("lock");
            assertThat(result.status()).isNotZero();
        }
        exports.close();
        Tool.run("qemu-io", "-f", "raw", "-c", "write 0 512", image).orFail();
    }

    @Test
    void qemuReadsAFileThatIsServedReadOnlyButDoesNotWriteIt() throws Exception {
        Tool.require("qemu-io");
        assertThat(Tool.run("qemu-io", "-r", "-f", "raw", "-c", "read 0 512", random)
                        .orFail())
                .contains("read 512/512");
        Tool.Result write = Tool.run("qemu-io", "-f", "raw", "-c", "write 0 512", random);
        assertThat(write.status()).isNotZero();
        assertThat(write.output()).contains("lock");
    }

    @Test
    void aFileThatQemuUsesIsRefused() throws Exception {
        Tool.require("qemu-io");
        Path used = Files.write(directory.resolve("used"), new byte[1 << 20]);
        Process user = new ProcessBuilder("qemu-io", "-f", "raw", used.toString())
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        try {
            await().until(() -> OpenFiles.holdersOf(used).size() == 1);
            for (boolean readOnly : new boolean[] {false, true}) {
                await().untilAsserted(() -> assertThatExceptionOfType(RefusedException.class)
                        .isThrownBy(() -> Export.open("used", used, readOnly).close())
                        .withMessageContaining("qemu-io (pid " + user.pid() + ")"));
            }
        } finally {
            user.getOutputStream().close();
            user.destroy();
            user.waitFor();
        }
    }
}
