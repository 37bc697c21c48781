package org.stiefelsystem.nbd.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
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
                .contains("protocol: newstyle-fixed without TLS, using structured packets")
                .contains("export-size: " + SIZE)
                .contains("is_read_only: false")
                .contains("can_flush: true")
                .contains("can_fua: true")
                .contains("can_multi_conn: true")
                .contains("can_trim: true")
                .contains("can_zero: true")
                .contains("can_cache: true")
                .contains("can_df: true")
                .contains("can_fast_zero: true")
                .contains("base:allocation")
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
    void qemuNbdListsManyExports() throws Exception {
        Tool.require("qemu-nbd");
        for (int i = 0; i < 50; i++) {
            exports.add(Export.memory("export" + i, 4096));
        }
        assertThat(Tool.run("qemu-nbd", "--list", "-p", server.address().getPort())
                        .orFail())
                .contains("exports available: 52");
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

    /** A MiB of data at 3 MiB and another one at 10 MiB. */
    private Path sparse() throws IOException {
        Path sparse = directory.resolve("sparse");
        try (RandomAccessFile file = new RandomAccessFile(sparse.toFile(), "rw")) {
            file.setLength(SIZE);
            for (int at : new int[] {3 << 20, 10 << 20}) {
                byte[] noise = new byte[1 << 20];
                new Random(at).nextBytes(noise);
                file.seek(at);
                file.write(noise);
            }
        }
        return sparse;
    }

    private static long allocated(Path file) throws Exception {
        return 512 * Long.parseLong(Tool.run("stat", "-c", "%b", file).orFail().strip());
    }

    @Test
    void nbdinfoMapsHolesAndSpeaksJson() throws Exception {
        Tool.require("nbdinfo");
        exports.add(Export.open("sparse", sparse(), true));
        assertThat(Tool.run("nbdinfo", "--map", uri("sparse"))
                        .orFail()
                        .lines()
                        .map(line -> line.strip().replaceAll(" +", " ")))
                .containsExactly(
                        "0 3145728 3 hole,zero",
                        "3145728 1048576 0 data",
                        "4194304 6291456 3 hole,zero",
                        "10485760 1048576 0 data",
                        "11534336 55574528 3 hole,zero");
        assertThat(Tool.run("nbdinfo", "--map", "--totals", uri("sparse")).orFail())
                .contains("2097152")
                .contains("65011712");
        assertThat(Tool.run("nbdinfo", "--json", uri("sparse")).orFail())
                .contains("\"structured\": true")
                .contains("\"base:allocation\"")
                .contains("\"export-size\": " + SIZE)
                .contains("\"is_read_only\": true");
        assertThat(Tool.run("nbdinfo", "--list", "--json", uri("")).orFail()).contains("\"export-name\": \"sparse\"");
    }

    @Test
    void sparseStaysSparseOnItsWay() throws Exception {
        Tool.require("nbdcopy", "qemu-img", "cmp");
        Path sparse = sparse();
        Path target = directory.resolve("target");
        try (RandomAccessFile file = new RandomAccessFile(target.toFile(), "rw")) {
            file.setLength(SIZE);
        }
        exports.add(Export.open("target", target, false));
        Tool.run("nbdcopy", "--flush", sparse, uri("target")).orFail();
        Tool.run("cmp", sparse, target).orFail();
        assertThat(allocated(target)).isLessThan(4 << 20);
        Path back = directory.resolve("back");
        Tool.run("nbdcopy", uri("target"), back).orFail();
        Tool.run("cmp", sparse, back).orFail();
        assertThat(allocated(back)).isLessThan(4 << 20);
        Path converted = directory.resolve("converted");
        Tool.run("qemu-img", "convert", "-f", "raw", "-O", "raw", uri("target"), converted)
                .orFail();
        Tool.run("cmp", sparse, converted).orFail();
        assertThat(allocated(converted)).isLessThan(4 << 20);
        assertThat(Tool.run("qemu-img", "map", "-f", "raw", "--output=json", uri("target"))
                        .orFail())
                .contains("\"start\": 3145728, \"length\": 1048576, \"depth\": 0, \"present\": true, \"zero\": false")
                .contains("\"start\": 4194304, \"length\": 6291456, \"depth\": 0");
    }

    /** libnbd with its own checks off says what no client should. */
    @Test
    void libnbdWithoutItsChecksGetsTheRightErrors() throws Exception {
        Tool.require("python3");
        Tool.require(Files.exists(Path.of("/usr/lib/python3/dist-packages/nbd.py")), "python3-libnbd is not installed");
        Path script = Files.writeString(directory.resolve("script.py"), """
                import errno, nbd, sys
                uri, size = sys.argv[1], int(sys.argv[2])

                def client():
                    h = nbd.NBD()
                    h.set_strict_mode(0)
                    h.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)
                    h.connect_uri(uri)
                    return h

                def fails(number, call, *arguments):
                    try:
                        call(*arguments)
                    except nbd.Error as e:
                        assert e.errnum == number, (call, arguments, e)
                    else:
                        raise AssertionError((call, arguments))

                h = client()
                assert h.get_size() == size and h.get_structured_replies_negotiated()
                fails(errno.EINVAL, h.pread, 2, size - 1)
                fails(errno.EINVAL, h.pread, 1, size)
                fails(errno.EINVAL, h.pread, 1, 0, 64)
                fails(errno.ENOSPC, h.pwrite, b"ab", size - 1)
                fails(errno.EINVAL, h.pwrite, b"a", 0, nbd.CMD_FLAG_NO_HOLE)
                fails(errno.ENOSPC, h.zero, 2, size - 1)
                fails(errno.EINVAL, h.zero, 2, 0, nbd.CMD_FLAG_DF)
                fails(errno.EINVAL, h.trim, 2, size - 1)
                fails(errno.EINVAL, h.trim, 2, 0, nbd.CMD_FLAG_REQ_ONE)
                fails(errno.EINVAL, h.cache, 2, size - 1)
                fails(errno.EINVAL, h.cache, 2, 0, nbd.CMD_FLAG_NO_HOLE)
                fails(errno.EINVAL, h.flush, nbd.CMD_FLAG_NO_HOLE)
                fails(errno.EINVAL, h.block_status, 2, size - 1, lambda *a: 0)
                fails(errno.EINVAL, h.block_status, 0, 0, lambda *a: 0)

                h.pwrite(b"x" * 100000, 4096, nbd.CMD_FLAG_FUA)
                h.flush(nbd.CMD_FLAG_FUA)
                assert h.pread(100000, 4096, nbd.CMD_FLAG_DF | nbd.CMD_FLAG_FUA) == b"x" * 100000
                h.zero(50000, 4096, nbd.CMD_FLAG_FAST_ZERO)
                h.zero(50, 4096, nbd.CMD_FLAG_NO_HOLE)
                h.trim(4096, 65536)
                h.cache(65536, 0)
                assert h.pread(100000, 4096)[:50000] == b"\\0" * 50000

                h.zero(1 << 20, 2 << 20)
                chunks = []
                data = h.pread_structured(1 << 20, 2 << 20,
                                          lambda buf, offset, kind, error: chunks.append((offset, kind)) or 0)
                assert data == b"\\0" * (1 << 20) and chunks == [(2 << 20, nbd.READ_HOLE)], chunks

                found = []
                one = nbd.CMD_FLAG_REQ_ONE
                h.block_status(size, 0, lambda context, offset, entries, error: found.extend(entries) or 0, one)
                assert len(found) == 2 and found[0] < size, found

                asked = [h.aio_pread(nbd.Buffer(1 << 20), i << 20) for i in range(16)]
                while h.aio_in_flight() > 0:
                    h.poll(-1)
                for cookie in asked:
                    h.aio_command_completed(cookie)
                h.shutdown()
                print("all right")
                """);
        assertThat(Tool.run("/usr/bin/python3", script, uri("root"), SIZE).orFail())
                .contains("all right");
    }

    @Test
    void fioMixesTrims() throws Exception {
        Tool.require("fio");
        Tool.require(Tool.run("fio", "--enghelp").output().contains("\tnbd"), "fio has no nbd engine");
        String[][] loads = {
            {"--rw=randtrim", "--bs=4k", "--size=4m", "--iodepth=16"},
            {"--rw=trimwrite", "--bs=64k", "--size=32m", "--verify=crc32c", "--verify_fatal=1"},
        };
        for (String[] load : loads) {
            Object[] line = new Object[5 + load.length];
            line[0] = "fio";
            line[1] = "--name=trims";
            line[2] = "--ioengine=nbd";
            line[3] = "--uri=" + uri("root");
            line[4] = "--verify_state_save=0";
            System.arraycopy(load, 0, line, 5, load.length);
            assertThat(Tool.run(line).orFail()).contains("err= 0");
        }
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
            Object[] line = new Object[8 + load.length];
            line[0] = "fio";
            line[1] = "--name=verify";
            line[2] = "--ioengine=nbd";
            line[3] = "--uri=" + uri("root");
            line[4] = "--rw=randwrite";
            line[5] = "--verify=crc32c";
            line[6] = "--verify_fatal=1";
            line[7] = "--verify_state_save=0";
            System.arraycopy(load, 0, line, 8, load.length);
            assertThat(Tool.run(line).orFail()).contains("err= 0");
        }
    }

    @Test
    @Tag("safety-rule-1")
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
    @Tag("safety-rule-1")
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
    @Tag("safety-rule-1")
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
