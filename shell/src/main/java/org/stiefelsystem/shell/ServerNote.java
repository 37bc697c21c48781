package org.stiefelsystem.shell;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a running {@code server} leaves in the run directory, so that {@code status} can say it.
 *
 * @param startedTicks of its process: another one that has its number since has another. In ticks since the machine's
 *     start, which no setting of a clock changes
 */
public record ServerNote(
        long pid, String startedTicks, String disk, String mode, String transport, String link, String address) {

    /** The note of a process that runs now. */
    public static ServerNote of(
            ProcessHandle process, String disk, String mode, String transport, String link, String address) {
        return new ServerNote(process.pid(), startedTicks(process.pid()), disk, mode, transport, link, address);
    }

    private static final JsonMapper MAPPER = new JsonMapper();

    private static Path file(String runDir) {
        return Path.of(runDir, "server.json");
    }

    /** proc_pid_stat(5), field 22; empty when there is no such process. */
    private static String startedTicks(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
            // Field 2, the program's name in parentheses, may hold anything.
            return stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1)[19];
        } catch (IOException e) {
            return "";
        }
    }

    /** Whole or not at all: others may read it at any time. */
    public void write(String runDir) throws IOException {
        Files.createDirectories(Path.of(runDir));
        Path fresh = Path.of(runDir, "server.json.new");
        Files.writeString(fresh, MAPPER.writeValueAsString(this));
        Files.move(fresh, file(runDir), StandardCopyOption.ATOMIC_MOVE);
    }

    /** Removes this note, and not that of another server that was here first. */
    public void remove(String runDir) {
        try {
            if (read(runDir).filter(this::equals).isPresent()) {
                Files.deleteIfExists(file(runDir));
            }
        } catch (IOException e) {
            // A note of a process that is gone is not believed anyway.
        }
    }

    /** The same server, whose link was made anew. */
    public ServerNote listeningAt(String now) {
        return new ServerNote(pid, startedTicks, disk, mode, transport, link, now);
    }

    /** The note of a server that still runs. */
    public static Optional<ServerNote> read(String runDir) {
        try {
            ServerNote note = MAPPER.readValue(Files.readString(file(runDir)), ServerNote.class);
            String started = startedTicks(note.pid());
            return started.isEmpty() || !started.equals(note.startedTicks()) ? Optional.empty() : Optional.of(note);
        } catch (IOException | JacksonException e) {
            return Optional.empty();
        }
    }
}
