package org.stiefelsystem.nbd.app;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import org.stiefelsystem.nbd.export.RefusedException;

/** The secret of all services' admin APIs: a file that only its owner reads. */
record AdminToken(String text) {

    private static final String FILE = "admin.token";
    private static final int BYTES = 32;
    private static final Pattern TOKEN = Pattern.compile("[0-9a-f]{64}");
    private static final Path SELF = Path.of("/proc/self");
    private static final int S_IFMT = 0170000;
    private static final int S_IFREG = 0100000;
    private static final int PRIVATE = 0600;

    /** Reads the token; whichever service comes first makes it, whole or not at all. */
    static AdminToken in(Path runDir) throws IOException {
        Path file = runDir.resolve(FILE);
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            create(runDir, file);
        }
        refuseUnlessPrivate(file);
        String text = Files.readString(file, StandardCharsets.ISO_8859_1).trim();
        if (!TOKEN.matcher(text).matches()) {
            throw refused(file, "does not hold 64 hexadecimal digits");
        }
        return new AdminToken(text);
    }

    /** Whoever else could read or write it would command all services. */
    private static void refuseUnlessPrivate(Path file) throws IOException {
        Map<String, Object> found = Files.readAttributes(file, "unix:mode,uid", LinkOption.NOFOLLOW_LINKS);
        int mode = (int) Objects.requireNonNull(found.get("mode"));
        if ((mode & S_IFMT) != S_IFREG) {
            throw refused(file, "is no regular file");
        }
        if (!Objects.equals(found.get("uid"), Files.getAttribute(SELF, "unix:uid"))) {
            throw refused(file, "belongs to another user");
        }
        if ((mode & ~S_IFMT) != PRIVATE) {
            throw refused(file, "has the mode 0%o, and must have 0600".formatted(mode & ~S_IFMT));
        }
    }

    private static RefusedException refused(Path file, String why) {
        return new RefusedException(
                "The admin token %s %s.".formatted(file, why),
                "Stop all services, remove the file and start them again: a new one is made.");
    }

    private static void create(Path runDir, Path file) throws IOException {
        byte[] random = new byte[BYTES];
        new SecureRandom().nextBytes(random);
        Path fresh = Files.createTempFile(
                runDir,
                FILE,
                ".new",
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        try {
            Files.writeString(fresh, HexFormat.of().formatHex(random) + "\n");
            Files.createLink(file, fresh);
        } catch (FileAlreadyExistsException e) {
            // Another service was faster: its token is the one.
        } finally {
            Files.delete(fresh);
        }
    }

    @Override
    public String toString() {
        return "AdminToken";
    }
}
