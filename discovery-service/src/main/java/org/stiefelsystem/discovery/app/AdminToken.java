package org.stiefelsystem.discovery.app;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import org.stiefelsystem.discovery.CannotStart;

/** The secret of all services' admin APIs: a file that only its owner reads. */
final class AdminToken {

    private static final String FILE = "admin.token";
    private static final int BYTES = 32;
    private static final Pattern TOKEN = Pattern.compile("[0-9a-f]{64}");
    private static final Path SELF = Path.of("/proc/self");
    private static final int S_IFMT = 0170000;
    private static final int S_IFREG = 0100000;
    private static final int PRIVATE = 0600;

    private final String text;

    private AdminToken(String text) {
        this.text = text;
    }

    /** Reads the token; whichever service comes first makes it, whole or not at all. */
    static AdminToken in(Path runDirectory) {
        Path file = runDirectory.resolve(FILE);
        try {
            Files.createDirectories(runDirectory, only("rwx------"));
            if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
                create(runDirectory, file);
            }
            refuseUnlessPrivate(file);
            String text = Files.readString(file, StandardCharsets.ISO_8859_1).strip();
            if (!TOKEN.matcher(text).matches()) {
                throw refused(file, "does not hold 64 hexadecimal digits");
            }
            return new AdminToken(text);
        } catch (IOException e) {
            throw new CannotStart(
                    "Cannot make or read the admin token " + file + ": " + e,
                    "Name a directory that this user may write with stiefel.run-dir.");
        }
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

    private static CannotStart refused(Path file, String why) {
        return new CannotStart(
                "The admin token " + file + " " + why,
                "Stop all services, remove the file and start them again: a new one is made.");
    }

    private static void create(Path runDirectory, Path file) throws IOException {
        byte[] random = new byte[BYTES];
        new SecureRandom().nextBytes(random);
        Path fresh = Files.createTempFile(runDirectory, FILE, ".new", only("rw-------"));
        try {
            Files.writeString(fresh, HexFormat.of().formatHex(random) + "\n");
            Files.createLink(file, fresh);
        } catch (FileAlreadyExistsException e) {
            // Another service was faster: its token is the one.
        } finally {
            Files.delete(fresh);
        }
    }

    private static FileAttribute<Set<PosixFilePermission>> only(String permissions) {
        return PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions));
    }

    /** Whether a request's header is ours, in a time that does not depend on where the first difference is. */
    boolean isIn(String authorization) {
        return MessageDigest.isEqual(
                authorization().getBytes(StandardCharsets.UTF_8), authorization.getBytes(StandardCharsets.UTF_8));
    }

    /** What our own requests to another service's admin API carry. */
    String authorization() {
        return "Bearer " + text;
    }
}
