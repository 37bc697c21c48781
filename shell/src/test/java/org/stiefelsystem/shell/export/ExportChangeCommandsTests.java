package org.stiefelsystem.shell.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.file.Path;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.shell.CommandFailure;
import org.stiefelsystem.shell.service.FakeExportAdmin;

class ExportChangeCommandsTests {

    @TempDir
    private Path directory;

    private FakeExportAdmin admin;
    private ExportChangeCommands commands;

    @BeforeEach
    void start() throws IOException {
        admin = new FakeExportAdmin(directory);
        commands = new ExportChangeCommands(admin.clients());
    }

    @AfterEach
    void end() {
        admin.close();
    }

    private static void assertFails(ThrowingCallable command, String what, String remedy) {
        assertThatExceptionOfType(CommandFailure.class).isThrownBy(command).satisfies(failure -> {
            assertThat(failure.what()).isEqualTo(what);
            assertThat(failure.remedy()).isEqualTo(remedy);
        });
    }

    @Test
    void anExportIsAdded() {
        commands.add(admin.context(), "data", "/dev/sda", true, 2, null, null);
        commands.add(admin.context(), "part", "disk.img", false, null, "512", "1024");
        assertThat(admin.calls())
                .containsExactly(
                        "POST /exports {\"name\":\"data\",\"path\":\"/dev/sda\",\"readOnly\":true,"
                                + "\"offset\":null,\"size\":null,\"partition\":2}",
                        "POST /exports {\"name\":\"part\",\"path\":\""
                                + Path.of("disk.img").toAbsolutePath() + "\",\"readOnly\":false,"
                                + "\"offset\":512,\"size\":1024,\"partition\":null}");
        assertThat(admin.output()).startsWith("data is served: /dev/sda, 1.1 GB, writable.\n");
    }

    @Test
    void wordsThatAreWrongAreNotTried() {
        assertFails(
                () -> commands.add(admin.context(), "data", "/dev/sda", false, 1, "0", null),
                "--partition does not go with --offset and --size",
                "A partition has its own offset and size.");
        assertFails(
                () -> commands.add(admin.context(), "data", "/dev/sda", false, null, "1M", null),
                "--offset cannot be `1M`",
                "It is a number of bytes, and a multiple of 512.");
        assertThat(admin.calls()).isEmpty();
    }

    @Test
    void whatTheServiceRefusesIsSaidInItsTwoLines() {
        admin.free("data");
        admin.refuseChanges(403, "/etc/shadow is outside of what this server may open.", "Move the file.");
        assertFails(
                () -> commands.add(admin.context(), "x", "/etc/shadow", false, null, null, null),
                "/etc/shadow is outside of what this server may open",
                "Move the file.");
        admin.refuseChanges(409, "disk.img was cut off.", "Remove the export.");
        assertFails(() -> commands.grow(admin.context(), "data"), "disk.img was cut off", "Remove the export.");
        assertFails(() -> commands.remove(admin.context(), "data", true), "disk.img was cut off", "Remove the export.");
    }

    @Test
    void anExportIsRemovedWhenThePersonHasSeenWhoUsesIt() throws Exception {
        admin.give("data", "192.0.2.1", null);
        commands.remove(admin.context(), "data", true);
        assertThat(admin.output())
                .isEqualTo("192.0.2.1, a tool, has had data (/dev/sda, writable) for 0 s, by 1 connection,"
                        + " which will end.\ndata is not served any more.\n");
        assertThat(admin.calls()).containsExactly("DELETE /exports data");
    }

    @Test
    void whereNobodyAnswersNothingIsRemoved() {
        admin.free("data");
        assertFails(
                () -> commands.remove(admin.context(), "data", false),
                "data was not removed",
                "Add --yes where nobody can be asked.");
        assertThat(admin.output()).isEqualTo("Nobody uses data (/dev/sda, writable) now.\n");
        assertThat(admin.calls()).isEmpty();
    }

    @Test
    void anExportThatAGuestHasIsNotRemoved() {
        admin.give("root", "fe80::1%eth0", "a".repeat(32));
        assertFails(
                () -> commands.remove(admin.context(), "root", true),
                "root is not removed: it is leased to fe80::1%eth0 (boot aaaaaaaa)",
                "Shut that guest down, or take the lease from it first: stiefelctl exports lease break root");
        assertThat(admin.calls()).isEmpty();
    }

    @Test
    void anExportGrows() {
        admin.free("data");
        commands.grow(admin.context(), "data");
        assertThat(admin.output())
                .isEqualTo(
                        "data has 2147483648 bytes now, and had 1073741824; connections that are there keep that.\n");
    }

    @Test
    void anExportThatIsNotThereIsSaidWithThoseThatAre() {
        assertFails(
                () -> commands.grow(admin.context(), "data"),
                "no export is named data",
                "Nothing is served now; `stiefelctl exports add` changes that.");
        admin.free("root");
        assertFails(
                () -> commands.remove(admin.context(), "data", true), "no export is named data", "Exports here: root.");
    }
}
