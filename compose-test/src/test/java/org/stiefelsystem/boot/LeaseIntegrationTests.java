package org.stiefelsystem.boot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import tools.jackson.databind.json.JsonMapper;

/**
 * What happens to a guest's lease when the laptop's owner wants the disk back and the guest does not answer. The guest is
 * curl, which gets a boot id as the agent does, and qemu-io, which has the disk.
 */
@ExtendWith(ShowsConsoles.class)
class LeaseIntegrationTests implements ShowsConsoles.Source {

    private MachineRoom room;
    private Path disk;
    private Host host;

    @BeforeEach
    void serve() throws Exception {
        room = MachineRoom.open(Project.underTest());
        disk = room.newDisk("disk.img");
        host = room.serve(Host.Machine.ofLab(Project.underTest(), room.lab(), "thinkpad"), disk, room.boot());
    }

    @Test
    void aGuestThatDoesNotAnswerIsWaitedForUntilSomebodyHasEnough() throws Exception {
        try (Guest guest = new Guest()) {
            Process stop =
                    host.stiefelctl("server", "stop").redirectErrorStream(true).start();
            BufferedReader output = stop.inputReader();
            assertThat(output.readLine())
                    .startsWith("Asking " + guest.holder() + " (boot ")
                    .endsWith("root is free when it has.");
            assertThat(output.readLine()).contains("since", "s: it does not answer. --now takes the disk back.");
            interrupt(stop);
            assertThat(stop.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(host.export().path("state").asString()).isEqualTo("held");
            assertThat(guest.reads()).isTrue();
        }
    }

    @Test
    void takingTheDiskBackNowSaysWhatIsLostAndAsks() throws Exception {
        String bootId;
        try (Guest guest = new Guest()) {
            bootId = guest.bootId();
            guest.write();
            Process stop = host.stiefelctl("server", "stop", "--now")
                    .redirectErrorStream(true)
                    .start();
            String words = new String(stop.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(stop.waitFor()).isEqualTo(1);
            assertThat(words)
                    .contains(guest.holder() + " (boot " + bootId.substring(0, 8) + ") runs from root for ")
                    .contains(
                            "lost:  what runs there",
                            "kept:  all that it has written, 65.5 kB since this service started (")
                    .contains("error: nothing was stopped");
            assertThat(guest.reads()).isTrue();

            assertThat(host.run("server", "stop", "--now", "--yes")).contains("The services have ended");
            assertThat(host.awaitEnd(Scene.STEP)).isTrue();
            assertThat(guest.reads()).isFalse();
        }
        host.start();
        assertThat(answerTo(bootId)).contains("its lease was broken on the host");
        assertThat(host.export().path("state").asString()).isEqualTo("free");
    }

    @Test
    void aGuestIsLetBackAfterAStopUnlessTheDiskWasUsedMeanwhile() throws Exception {
        String bootId;
        try (Guest guest = new Guest()) {
            bootId = guest.bootId();
            guest.write();
        }
        assertThat(host.stop()).isTrue();
        host.start();
        assertThat(host.export().path("state").asString()).isEqualTo("waiting");
        new Guest(bootId).close();
        assertThat(host.stop()).isTrue();
        lab("qemu-io", "-f", "raw", "-c", "write 0 512", disk.toString());
        host.start();
        assertThat(answerTo(bootId)).contains("the disk was written to while it was not served");
        assertThat(host.export().path("state").asString()).isEqualTo("free");
    }

    @Test
    void aGuestIsNotLetBackToADiskOfAnotherSize() throws Exception {
        String bootId;
        try (Guest guest = new Guest()) {
            bootId = guest.bootId();
        }
        host.close();
        lab("truncate", "--size=+1M", disk.toString());
        host.start();
        assertThat(answerTo(bootId)).contains("the disk is not the same as before: another one, or of another size");
    }

    /** A boot that was registered and has the disk. */
    private final class Guest implements Closeable {

        private final String bootId;
        private final Process client;
        private final PrintWriter commands;
        private final BufferedReader answers;

        /** A boot of its own, as the agent begins it. */
        Guest() throws IOException, InterruptedException {
            this(JsonMapper.shared()
                    .readTree(lab(
                            "curl",
                            "-sSf",
                            "-H",
                            "Accept: application/json",
                            "-H",
                            "Host: stiefel",
                            "http://[" + address() + "]:4644/manifest"))
                    .path("bootId")
                    .asString());
        }

        /** A boot that comes back. */
        Guest(String bootId) throws IOException, InterruptedException {
            this.bootId = bootId;
            client = room.lab()
                    .process(List.of("qemu-io", "-f", "raw", uri(bootId)))
                    .redirectErrorStream(true)
                    .redirectInput(ProcessBuilder.Redirect.PIPE)
                    .start();
            commands = new PrintWriter(client.outputWriter(), true);
            answers = client.inputReader();
            assertThat(reads()).isTrue();
        }

        String bootId() {
            return bootId;
        }

        String holder() throws IOException, InterruptedException {
            return host.export().path("holder").asString();
        }

        boolean reads() throws IOException {
            return does("read 0 512", "read 512/512 bytes");
        }

        void write() throws IOException {
            assertThat(does("write -P 7 1048576 65536", "wrote 65536/65536 bytes"))
                    .isTrue();
        }

        private boolean does(String command, String answer) throws IOException {
            commands.println(command);
            for (String line = answers.readLine(); line != null; line = answers.readLine()) {
                if (line.contains(answer)) {
                    return true;
                }
                if (line.contains("failed") || line.contains("error")) {
                    return false;
                }
            }
            return false;
        }

        /** As a machine whose plug is pulled: without a farewell. */
        @Override
        public void close() {
            client.descendants().forEach(ProcessHandle::destroyForcibly);
            client.destroyForcibly();
        }
    }

    /** What a tool is told that asks for the disk as that boot. */
    private String answerTo(String bootId) throws IOException, InterruptedException {
        return lab("sh", "-c", "qemu-img info -f raw \"$0\" 2>&1 || true", uri(bootId));
    }

    private String uri(String bootId) throws IOException, InterruptedException {
        return "nbd://[" + address().replace("%", "%25") + "]:10809/root@" + bootId;
    }

    private String address() throws IOException, InterruptedException {
        return host.status().path("server").path("address").asString();
    }

    private String lab(String... command) throws IOException, InterruptedException {
        return room.lab().run(command);
    }

    /** Ctrl-C, to whatever runs in the lab on behalf of this process. */
    private static void interrupt(Process process) throws IOException, InterruptedException {
        String pids =
                process.descendants().map(child -> Long.toString(child.pid())).collect(Collectors.joining(" "));
        new ProcessBuilder("sh", "-c", "kill -INT " + pids).inheritIO().start().waitFor();
    }

    @AfterEach
    void tearDown() throws IOException {
        room.close();
    }

    @Override
    public String consoles() throws IOException {
        return room.consoles();
    }
}
