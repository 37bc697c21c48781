package org.stiefelsystem.nbd.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Leases and what they are made of. */
class LeaseTests {

    private static final PeerAddress ONE = new PeerAddress("fe80::1%br0");
    private static final PeerAddress OTHER = new PeerAddress("fe80::1%br1");
    private static final String BOOT_ID = "0123456789abcdef0123456789abcdef";

    @Test
    void aWritableExportIsHeldUntilTheLastConnectionEnds() {
        Lease lease = new Lease(true);
        assertThat(lease.take(ONE, null)).isTrue();
        assertThat(lease.take(ONE, null)).isTrue();
        assertThat(lease.take(OTHER, null)).isFalse();
        assertThat(lease.keepsOut(OTHER)).isEqualTo(ONE);
        assertThat(lease.keepsOut(ONE)).isNull();
        lease.release(null);
        assertThat(lease.take(OTHER, null)).isFalse();
        lease.release(null);
        assertThat(lease.held()).isFalse();
        assertThat(lease.take(OTHER, null)).isTrue();
        assertThat(lease.connections()).isEqualTo(1);
    }

    @Test
    void aReadOnlyExportIsHeldByNobody() {
        Lease lease = new Lease(false);
        assertThat(lease.take(ONE, null)).isTrue();
        assertThat(lease.take(OTHER, null)).isTrue();
        assertThat(lease.holder()).isNull();
        assertThat(lease.connections()).isEqualTo(2);
    }

    @Test
    void addressesAreShort() throws IOException {
        String[][] addresses = {
            {"192.0.2.1", "192.0.2.1"},
            {"::1", "::1"},
            {"::", "::"},
            {"fe80::1", "fe80::1"},
            {"2001:db8::", "2001:db8::"},
            {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
            {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
            {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
        };
        for (String[] address : addresses) {
            assertThat(PeerAddress.of(InetAddress.ofLiteral(address[0])).text()).isEqualTo(address[1]);
        }
        int loopback = NetworkInterface.getByName("lo").getIndex();
        byte[] linkLocal = InetAddress.ofLiteral("fe80::1").getAddress();
        assertThat(PeerAddress.of(Inet6Address.getByAddress(null, linkLocal, loopback))
                        .text())
                .isEqualTo("fe80::1%lo");
        assertThat(PeerAddress.of(Inet6Address.getByAddress(null, linkLocal, 1_000_000))
                        .text())
                .isEqualTo("fe80::1%1000000");
    }

    @Test
    void exportNamesMayEndWithABootId() {
        assertThat(ExportName.parse("root@" + BOOT_ID)).isEqualTo(new ExportName("root", BOOT_ID));
        for (String plain : new String[] {"root", "", "@" + BOOT_ID, "root@" + BOOT_ID + "0", "root@x", "a@b"}) {
            assertThat(ExportName.parse(plain)).isEqualTo(new ExportName(plain, null));
        }
        assertThat(ExportName.parse("a@b@" + BOOT_ID)).isEqualTo(new ExportName("a@b", BOOT_ID));
    }

    @Test
    void bootIdsSurviveARestartOfTheService(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("boot-ids");
        BootIds.in(file).register(BOOT_ID, "root");
        BootIds again = BootIds.in(file);
        assertThat(again.admits(BOOT_ID, "root")).isTrue();
        assertThat(again.admits(BOOT_ID, "other")).isFalse();
        assertThat(again.admits("f".repeat(32), "root")).isFalse();
        Files.writeString(file, "garbage\n\nmore garbage here\n" + BOOT_ID + " root\n");
        assertThat(BootIds.in(file).admits(BOOT_ID, "root")).isTrue();
    }

    private static String bootId(int number) {
        return "%032x".formatted(number);
    }

    @Test
    void onlyTheNewestBootIdsAreKept() throws IOException {
        BootIds bootIds = BootIds.inMemory();
        for (int i = 0; i <= BootIds.MAX_BOOT_IDS; i++) {
            bootIds.register(bootId(i), "root");
        }
        assertThat(bootIds.admits(bootId(0), "root")).isFalse();
        assertThat(bootIds.admits(bootId(1), "root")).isTrue();
    }

    @Test
    void bootsThatNeverAskedAreForgottenFirst(@TempDir Path directory) throws IOException {
        Path file = directory.resolve("boot-ids");
        BootIds bootIds = BootIds.in(file);
        bootIds.register(bootId(0), "root");
        assertThat(bootIds.admits(bootId(0), "root")).isTrue();
        bootIds = BootIds.in(file);
        for (int i = 1; i < 3 * BootIds.MAX_BOOT_IDS; i++) {
            bootIds.register(bootId(i), "root");
        }
        assertThat(bootIds.admits(bootId(0), "root")).isTrue();
        assertThat(bootIds.admits(bootId(1), "root")).isFalse();
    }

    @Test
    void bootsThatAreConnectedOrWereLastAreNotForgotten() throws IOException {
        BootIds bootIds = BootIds.inMemory();
        try (Exports exports = new Exports(bootIds)) {
            Export root = Export.memory("root", 1);
            exports.add(root);
            for (int i = 0; i < 3; i++) {
                bootIds.register(bootId(i), "root");
                assertThat(root.lease().take(ONE, bootId(i))).isTrue();
            }
            root.lease().release(bootId(1));
            root.lease().release(bootId(2));
            for (int i = 0; i < 2 * BootIds.MAX_BOOT_IDS; i++) {
                bootIds.register(bootId(100 + i), "root");
                assertThat(bootIds.admits(bootId(100 + i), "root")).isTrue();
            }
            assertThat(bootIds.admits(bootId(0), "root")).isTrue();
            assertThat(bootIds.admits(bootId(1), "root")).isFalse();
            assertThat(bootIds.admits(bootId(2), "root")).isTrue();
        }
    }

    @Test
    void aBootIdThatCannotBeSavedIsNotAdmitted(@TempDir Path directory) throws IOException {
        BootIds bootIds = BootIds.in(directory.resolve("missing/boot-ids"));
        Assertions.assertThatIOException().isThrownBy(() -> bootIds.register(BOOT_ID, "root"));
        assertThat(bootIds.admits(BOOT_ID, "root")).isFalse();
    }

    @Test
    void namesThatAreNoPathsAreNobodys() {
        assertThat(DiskUsers.path("/dev/sda")).contains(Path.of("/dev/sda"));
        assertThat(DiskUsers.path("a\0b")).isEmpty();
    }

    @Test
    void whatIsNoBootIdIsNotRegistered() {
        for (String text : new String[] {"", "0", BOOT_ID + "0", BOOT_ID.toUpperCase(java.util.Locale.ROOT)}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> BootIds.inMemory().register(text, "root"));
        }
    }

    @Test
    void aFailedSyncStaysFailed() throws IOException {
        AtomicInteger syncs = new AtomicInteger();
        StickySyncBackend backend = new StickySyncBackend(new Backend() {
            @Override
            public long size() {
                return 1;
            }

            @Override
            public void read(ByteBuffer into, long offset) {}

            @Override
            public void write(ByteBuffer from, long offset) {}

            @Override
            public void zero(long offset, long length, boolean keepSpace) {}

            @Override
            public void trim(long offset, long length) {}

            @Override
            public void sync() throws IOException {
                if (syncs.incrementAndGet() == 2) {
                    throw new IOException("the disk is broken");
                }
            }

            @Override
            public void close() {}
        });
        backend.sync();
        Assertions.assertThatIOException().isThrownBy(backend::sync).withMessage("the disk is broken");
        Assertions.assertThatIOException().isThrownBy(backend::sync).withMessageContaining("earlier sync");
        assertThat(syncs).hasValue(2);
    }
}
