package org.stiefelsystem.boot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.shell.demo.Lab;
import org.stiefelsystem.shell.demo.QemuMachine;
import org.stiefelsystem.shell.demo.RootPartition;
import org.stiefelsystem.shell.demo.SerialConsole;

/**
 * Verified I/O on the guest's root, all the time: fio writes and verifies, and a log is appended to and fsynced line by
 * line. A line's number comes over the second serial port when its fsync has returned, so whoever listens knows what must
 * be on the disk, and when I/O flows, by this machine's clock.
 */
final class GuestLoad {

    private static final String LOG = "/root/fsync.log";
    private static final String KEPT = "/root/kept";
    private static final String FIO_FILE = "/root/fio.dat";
    private static final Pattern SYNCED = Pattern.compile("synced [0-9]+\n");

    private static final String LOGGER = """
            use IO::Handle; use Time::HiRes "sleep";
            open my $log, ">", "%s" or die; open my $port, ">", "/dev/ttyS1" or die; $port->autoflush(1);
            for (my $n = 1; ; $n++) {
              print $log "$n\\n" or die "print: $!"; $log->flush or die "flush: $!"; $log->sync or die "sync: $!";
              print $port "synced $n\\n"; sleep 0.05;
            }
            """.formatted(LOG);

    private static final String FIO =
            "fio --name=verified --filename=" + FIO_FILE + " --size=48m --rw=randrw --direct=1"
                    + " --bsrange=4k-64k --fsync=16 --rate_iops=40 --verify=crc32c --verify_backlog=32 --verify_fatal=1"
                    + " --time_based --runtime=1d --output=/root/fio.out";

    private final GuestShell shell;
    private final SerialConsole reports;
    private final String keptSha256;
    private @Nullable String fioSha256;

    private GuestLoad(GuestShell shell, SerialConsole reports, String keptSha256) {
        this.shell = shell;
        this.reports = reports;
        this.keptSha256 = keptSha256;
    }

    static GuestLoad start(GuestShell shell, QemuMachine machine) throws IOException, InterruptedException {
        String kept = shell.run(
                        "dd if=/dev/urandom of=" + KEPT + " bs=1M count=16 conv=fsync status=none; sha256sum " + KEPT,
                        Duration.ofMinutes(2))
                .substring(0, 64);
        shell.run("stty -F /dev/ttyS1 raw; rm -f /root/fio.code /root/logger.err");
        shell.write("/root/logger", LOGGER);
        shell.run("perl /root/logger </dev/null >/dev/null 2>/root/logger.err &");
        shell.run("{ " + FIO + " </dev/null >/root/fio.err 2>&1 & echo $! >/root/fio.pid; wait $!;"
                + " echo $? >/root/fio.code; } &");
        GuestLoad load = new GuestLoad(shell, machine.reports(), kept);
        load.awaitProgress(Duration.ofMinutes(1));
        return load;
    }

    /** Waits until a further line is synced; answers the seconds that it took. */
    double awaitProgress(Duration deadline) throws InterruptedException {
        long asked = System.nanoTime();
        reports.skip();
        reports.await(SYNCED, deadline);
        return (System.nanoTime() - asked) / 1e9;
    }

    /** Whether no line is synced for so long. */
    boolean standsStill(Duration time) throws InterruptedException {
        reports.skip();
        try {
            reports.await(SYNCED, time);
            return false;
        } catch (SerialConsole.EndedException e) {
            throw e;
        } catch (SerialConsole.ConsoleException e) {
            return true;
        }
    }

    /** The last line that is known to be on the disk. */
    private long synced() {
        String all = reports.transcript();
        String whole = all.substring(0, all.lastIndexOf('\n'));
        return Long.parseLong(whole.substring(whole.lastIndexOf(' ') + 1));
    }

    /** Nothing of what went on has reached a file system, and both loads still run. */
    void assertUnharmed() throws IOException, InterruptedException {
        assertThat(shell.run("cat /root/fio.code /root/logger.err 2>/dev/null || true"))
                .as("loads that ended")
                .isEmpty();
        assertThat(shell.run("findmnt -no OPTIONS /")).startsWith("rw");
        assertThat(
                        shell.run(
                                "dmesg | grep -E 'I/O error.* dev nbd0|EXT4-fs (error|warning)|Remounting filesystem|JBD2' || true"))
                .isEmpty();
        assertThat(shell.run("echo 3 >/proc/sys/vm/drop_caches; sha256sum " + KEPT, Duration.ofMinutes(1)))
                .startsWith(keptSha256);
    }

    /** Ends fio in order; everything that it read was what it had written. */
    void endFio() throws IOException, InterruptedException {
        shell.run(
                "kill -INT $(cat /root/fio.pid); while [ ! -e /root/fio.code ]; do sleep 0.2; done",
                Duration.ofMinutes(1));
        assertThat(shell.run("cat /root/fio.out /root/fio.err"))
                .contains("err= 0")
                .doesNotContain("verify:", "bad");
        fioSha256 = shell.run("sha256sum " + FIO_FILE, Duration.ofMinutes(1)).substring(0, 64);
    }

    /** What was synced is on the disk, which nobody uses any more. */
    void assertOnDisk(RootPartition root, Lab lab) throws IOException, InterruptedException {
        long last = synced();
        List<String> lines = root.read(LOG, lab).lines().toList();
        assertThat(lines.size()).as("lines on the disk of %d", last).isGreaterThanOrEqualTo((int) last);
        assertThat(lines.subList(0, (int) last))
                .isEqualTo(
                        LongStream.rangeClosed(1, last).mapToObj(Long::toString).toList());
        assertThat(root.sha256(KEPT, lab)).isEqualTo(keptSha256);
        if (fioSha256 != null) {
            assertThat(root.sha256(FIO_FILE, lab)).isEqualTo(fioSha256);
        }
    }
}
