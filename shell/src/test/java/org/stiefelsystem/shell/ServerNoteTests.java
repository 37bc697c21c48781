package org.stiefelsystem.shell;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServerNoteTests {

    @TempDir
    private Path directory;

    private ServerNote written(ProcessHandle process) throws Exception {
        ServerNote note = ServerNote.of(process, "/dev/sda", "direct", "plain", "eth0", "fe80::1%eth0");
        note.write(directory.toString());
        return note;
    }

    @Test
    void theNoteOfAProcessThatRunsIsBelieved() throws Exception {
        ServerNote note = written(ProcessHandle.current());
        assertThat(ServerNote.read(directory.toString())).contains(note);
        assertThat(directory).isDirectoryContaining(file -> file.endsWith("server.json"));
        note.remove(directory.toString());
        assertThat(directory).isEmptyDirectory();
    }

    @Test
    void theNoteOfAProcessThatHasEndedIsNot() throws Exception {
        Process process = new ProcessBuilder("cat").start();
        written(process.toHandle());
        process.getOutputStream().close();
        process.waitFor();
        assertThat(ServerNote.read(directory.toString())).isEmpty();
    }

    /** Numbers of processes come again. */
    @Test
    void anotherProcessWithItsNumberIsNotTheServer() throws Exception {
        ServerNote note = written(ProcessHandle.current());
        Path file = directory.resolve("server.json");
        Files.writeString(file, Files.readString(file).replace(note.startedTicks(), "1"));
        assertThat(ServerNote.read(directory.toString())).isEmpty();
    }
}
