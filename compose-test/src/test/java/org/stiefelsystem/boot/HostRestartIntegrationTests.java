package org.stiefelsystem.boot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.stiefelsystem.shell.demo.RootPartition;

/**
 * The laptop itself is restarted while a guest runs from its disk: its own system may have used the disk meanwhile, so the
 * guest is not let back, and told. Then somebody pulls the guest's plug.
 */
@ExtendWith(ShowsConsoles.class)
class HostRestartIntegrationTests implements ShowsConsoles.Source {

    private @Nullable MachineRoom room;

    @Test
    void aGuestIsNotLetBackWhenItsHostWasRestarted() throws Exception {
        MachineRoom machines = MachineRoom.open(Project.underTest());
        room = machines;
        // A word where a number belongs, too.
        Scene scene = Scene.open(machines, "52:54:00:57:1e:08", "stiefel.nbd-timeout=soon");
        scene.console()
                .await(
                        "stiefel: error: stiefel.nbd-timeout on the kernel command line is no number of seconds from 2 to 120",
                        Scene.STEP);
        scene.console().await("stiefel: using 10", Scene.STEP);
        scene.work();
        // So that the console would show an error of the disk or of a file system.
        scene.shell().run("dmesg -n 4");
        String bootId = scene.host().export().path("bootId").asString();

        scene.host().close();
        restartKernel(scene);
        scene.host().start();
        scene.console().await("stiefel: error: thinkpad refuses this machine: the host was restarted", Scene.STEP);
        scene.console()
                .await(
                        "stiefel: power this machine off: hold its power button; what was flushed is on its disk",
                        Scene.STEP);
        assertThat(scene.load().standsStill(Duration.ofSeconds(3))).isTrue();
        assertThat(scene.console().transcript()).doesNotContain("I/O error", "EXT4-fs error", "Remounting filesystem");
        assertThat(scene.host().export().path("state").asString()).isEqualTo("free");
        assertThat(scene.host().log()).contains("this machine was restarted").contains(bootId);

        scene.machine().close();
        assertThat(scene.host().stop()).isTrue();
        RootPartition root = scene.rootAfterReplay();
        assertThat(root.check(scene.lab())).contains("Pass 5");
        scene.load().assertOnDisk(root, scene.lab());
    }

    /** What a restart changes for the services: the kernel's boot id. The run directory stays, the harder case. */
    private static void restartKernel(Scene scene) throws IOException, InterruptedException {
        Path bootId = scene.path("boot_id");
        Files.writeString(bootId, UUID.randomUUID() + "\n");
        scene.lab().run("mount", "--bind", bootId.toString(), "/proc/sys/kernel/random/boot_id");
    }

    @AfterEach
    void tearDown() throws IOException {
        MachineRoom machines = room;
        if (machines != null) {
            machines.close();
        }
    }

    @Override
    public String consoles() throws IOException {
        MachineRoom machines = room;
        return machines == null ? "(no machine was started)" : machines.consoles();
    }
}
