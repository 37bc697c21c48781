package org.stiefelsystem.shell.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.shell.CommandFailure;
import org.stiefelsystem.shell.ServerNote;
import org.stiefelsystem.shell.service.FakeExportAdmin;

/** {@code server stop} beside guests that come and go at the worst moment; the server is a process of straw. */
@Timeout(60)
class StopCommandsTests {

    private static final String BOOT = "a".repeat(32);
    private static final String OTHER_BOOT = "b".repeat(32);
    private static final String GUEST = "fe80::1%eth0";
    private static final String OTHER = "fe80::2%eth0";
    private static final String CLOSE = "PUT /admission {\"open\":false}";
    private static final String OPEN = "PUT /admission {\"open\":true}";

    @TempDir
    private Path directory;

    private FakeExportAdmin admin;
    private Process server;
    private StopCommands commands;

    @BeforeEach
    void start() throws IOException {
        admin = new FakeExportAdmin(directory);
        server = new ProcessBuilder("cat").start();
        ServerNote.of(server.toHandle(), "/dev/sda", "direct", "plain", "eth0", "fe80::9%eth0")
                .write(directory.toString());
        commands = new StopCommands(admin.clients(), admin.settings());
    }

    @AfterEach
    void end() {
        admin.close();
        server.destroyForcibly();
    }

    private void stop(boolean now) throws InterruptedException {
        commands.stop(admin.context(), now, true);
    }

    private void assertStopped() {
        await().until(() -> !server.isAlive());
        assertThat(admin.output()).endsWith("The services have ended; /dev/sda is free.\n");
        assertThat(admin.calls()).doesNotContain(OPEN);
    }

    @Test
    void theGuestIsAskedAndNobodyIsAdmittedMeanwhile() throws Exception {
        admin.give("root", GUEST, BOOT);
        admin.before("POST /shutdown", () -> admin.before("PUT /admission", () -> admin.free("root")));
        stop(false);
        assertStopped();
        assertThat(admin.output())
                .contains(
                        "Asking fe80::1%eth0 (boot aaaaaaaa) to shut down",
                        "It shuts down.", "fe80::1%eth0 (boot aaaaaaaa) has let go of root");
        assertThat(admin.calls())
                .startsWith(CLOSE, CLOSE, "POST /shutdown root " + BOOT)
                .endsWith(CLOSE);
    }

    @Test
    void aGuestThatLetsGoRightBeforeItIsAskedHasLetGo() throws Exception {
        admin.give("root", GUEST, BOOT);
        admin.before("POST /shutdown", () -> admin.free("root"));
        stop(false);
        assertStopped();
        assertThat(admin.output()).contains("has let go of root").doesNotContain("It shuts down.");
    }

    @Test
    void aGuestThatHasComeMeanwhileIsAskedToo() throws Exception {
        admin.give("root", GUEST, BOOT);
        admin.before("POST /shutdown", () -> {
            admin.give("root", OTHER, OTHER_BOOT);
            admin.before("POST /shutdown", () -> admin.free("root"));
        });
        stop(false);
        assertStopped();
        assertThat(admin.calls()).contains("POST /shutdown root " + BOOT, "POST /shutdown root " + OTHER_BOOT);
    }

    @Test
    void whoCanWriteToNothingIsNotWaitedFor() throws Exception {
        admin.put("before", GUEST, BOOT, false, false);
        admin.put("root", OTHER, OTHER_BOOT, true, true);
        admin.give("tool", GUEST, null);
        stop(false);
        assertStopped();
        assertThat(admin.calls()).containsExactly(CLOSE);
    }

    @Test
    void nowTakesTheDiskFromWhomThePersonWasShown() throws Exception {
        admin.give("root", GUEST, BOOT);
        stop(true);
        assertStopped();
        assertThat(admin.output())
                .contains(
                        "fe80::1%eth0 (boot aaaaaaaa) runs from root",
                        "all that it has written, 2.1 MB since this service started (all flushed)");
        assertThat(admin.calls()).containsExactly(CLOSE, CLOSE, "DELETE /lease root " + BOOT);
    }

    @Test
    void nowIsDoneWhenTheGuestHasLetGoByItself() throws Exception {
        admin.give("root", GUEST, BOOT);
        admin.before("DELETE /lease", () -> admin.free("root"));
        stop(true);
        assertStopped();
    }

    @Test
    void nowTakesNothingFromAGuestThatNobodyWasShown() {
        admin.give("root", GUEST, BOOT);
        admin.before("DELETE /lease", () -> admin.give("root", OTHER, OTHER_BOOT));
        assertThatExceptionOfType(CommandFailure.class)
                .isThrownBy(() -> stop(true))
                .withMessage("fe80::2%eth0 (boot bbbbbbbb) has root now, and has not been asked about");
        assertThat(server.isAlive()).isTrue();
        assertThat(admin.calls()).endsWith(OPEN);
    }

    @Test
    void whoGivesUpAdmitsGuestsAgain() throws Exception {
        admin.give("root", GUEST, BOOT);
        AtomicReference<Throwable> ended = new AtomicReference<>();
        Thread stop = Thread.ofPlatform().start(() -> {
            try {
                stop(false);
            } catch (Throwable e) {
                ended.set(e);
            }
        });
        await().until(() ->
                admin.calls().contains("POST /shutdown root " + BOOT) && stop.getState() == Thread.State.TIMED_WAITING);
        stop.interrupt();
        stop.join();
        assertThat(ended.get()).isInstanceOf(InterruptedException.class);
        assertThat(admin.calls()).endsWith(OPEN);
        assertThat(server.isAlive()).isTrue();
    }
}
