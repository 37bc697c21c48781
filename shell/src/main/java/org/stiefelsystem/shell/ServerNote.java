package org.stiefelsystem.shell;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/** What a running {@code server} leaves in the run directory, so that {@code status} can say it. */
public record ServerNote(long pid, String disk, String mode, String transport, String link, String address) {

    private static final JsonMapper MAPPER = new JsonMapper();

    private static Path file(String runDir) {
        return Path.of(runDir, "server.json");
    }

    public void write(String runDir) throws IOException {
        Files.createDirectories(Path.of(runDir));
        Files.writeString(file(runDir), MAPPER.writeValueAsString(this));
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
        return new ServerNote(pid, disk, mode, transport, link, now);
    }

    /** The note of a server that still runs. */
    public static Optional<ServerNote> read(String runDir) {
        try {
            ServerNote note = MAPPER.readValue(Files.readString(file(runDir)), ServerNote.class);
            return ProcessHandle.of(note.pid()).filter(ProcessHandle::isAlive).map(process -> note);
        } catch (IOException | JacksonException e) {
            return Optional.empty();
        }
    }
}
