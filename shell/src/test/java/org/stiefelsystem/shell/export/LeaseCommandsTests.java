package org.stiefelsystem.shell.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.shell.CommandFailure;
import org.stiefelsystem.shell.service.FakeExportAdmin;

class LeaseCommandsTests {

    private static final String BOOT = "a".repeat(32);
    private static final String GUEST = "fe80::1%eth0";

    @TempDir
    private Path directory;

    private FakeExportAdmin admin;
    private LeaseCommands commands;

    @BeforeEach
    void start() throws IOException {
        admin = new FakeExportAdmin(directory);
        commands = new LeaseCommands(admin.clients());
    }

    @AfterEach
    void end() {
        admin.close();
    }

    @Test
    void theLeaseOfWhomThePersonWasShownIsBroken() throws Exception {
        admin.give("root", GUEST, BOOT);
        commands.breakLease(admin.context(), "root", true);
        assertThat(admin.calls()).containsExactly("DELETE /lease root " + BOOT);
        assertThat(admin.output()).endsWith("fe80::1%eth0 has no lease of root any more.\n");
    }

    @Test
    void aToolIsCalledByItsAddress() throws Exception {
        admin.give("root", "127.0.0.1", null);
        commands.breakLease(admin.context(), "root", true);
        assertThat(admin.calls()).containsExactly("DELETE /lease root 127.0.0.1");
    }

    @Test
    void whoHasItNowIsSaidWhenItIsAnother() {
        admin.give("root", GUEST, BOOT);
        admin.before("DELETE /lease", () -> admin.give("root", "fe80::2%eth0", "b".repeat(32)));
        assertThatExceptionOfType(CommandFailure.class)
                .isThrownBy(() -> commands.breakLease(admin.context(), "root", true))
                .withMessage("the lease of root was not broken:"
                        + " fe80::2%eth0 (boot bbbbbbbb) has it now; nothing was done.");
    }

    @Test
    void aLeaseWhoseExportIsNotServedIsShownAndBroken() throws Exception {
        admin.put("before", GUEST, BOOT, false, false);
        commands.exports(admin.context(), false);
        assertThat(admin.output()).containsPattern("before +waiting +fe80::1%eth0 +aaaaaaaa .* - +not served");
        commands.breakLease(admin.context(), "before", true);
        assertThat(admin.calls()).containsExactly("DELETE /lease before " + BOOT);
    }
}
