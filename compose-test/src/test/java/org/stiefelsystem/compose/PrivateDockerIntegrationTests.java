package org.stiefelsystem.compose;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;

/** What a test's own docker daemon leaves behind: nothing. */
@Isolated("each looks at what others leave on this machine")
class PrivateDockerIntegrationTests {

    @Test
    void privateDaemonLeavesNothingBehind() throws Exception {
        Project.requiresDocker();
        Project project = Project.underTest();
        String mounts = Files.readString(Path.of("/proc/self/mountinfo"));
        Docker docker = Docker.startPrivate(project);
        Path socket = Objects.requireNonNull(docker.socket());
        String group = Objects.requireNonNull(docker.controlGroup());
        try (docker) {
            Command.output(
                    docker.environment(),
                    List.of(
                            "bash",
                            "-c",
                            "tar -C / -c bin/busybox usr/bin/busybox 2>/dev/null | docker import - busybox"));
            docker.run("run", "--detach", "busybox", "/bin/busybox", "sleep", "1000");
            assertThat(namesBelow(Path.of("/sys/fs/cgroup"), group)).isNotEmpty();
            assertThat(namesBelow(project.var(), group)).isNotEmpty();
        }
        assertThat(socket.getParent()).doesNotExist();
        assertThat(namesBelow(project.var(), group)).isEmpty();
        assertThat(namesBelow(Path.of("/sys/fs/cgroup"), group)).isEmpty();
        assertThat(Files.readString(Path.of("/proc/self/mountinfo"))).isEqualTo(mounts);
        assertThat(ProcessHandle.allProcesses()
                        .filter(process ->
                                process.info().commandLine().orElse("").contains(group)))
                .isEmpty();
    }

    private static List<Path> namesBelow(Path directory, String start) throws IOException {
        try (Stream<Path> files = Files.find(
                directory,
                3,
                (path, attributes) -> String.valueOf(path.getFileName()).startsWith(start))) {
            return files.toList();
        }
    }
}
