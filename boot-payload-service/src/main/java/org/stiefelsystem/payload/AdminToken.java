package org.stiefelsystem.payload;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.Set;

/**
 * The secret that opens the admin APIs of this machine: the file {@code admin.token} of mode 0600 in the run directory.
 * Whichever service starts first makes it.
 */
public final class AdminToken {

    private static final Set<PosixFilePermission> OWNER_ONLY = PosixFilePermissions.fromString("rw-------");

    private final byte[] secret;

    private AdminToken(String secret) {
        this.secret = secret.getBytes(StandardCharsets.US_ASCII);
    }

    public static AdminToken in(Path runDirectory) {
        Path file = runDirectory.resolve("admin.token");
        try {
            Files.createDirectories(
                    runDirectory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            if (Files.notExists(file)) {
                create(runDirectory, file);
            }
            Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(file);
            if (!OWNER_ONLY.containsAll(permissions)) {
                throw new CannotStart(
                        "The admin token " + file + " can be read by others ("
                                + PosixFilePermissions.toString(permissions) + ")",
                        "Delete it; a new one is made at the next start.");
            }
            String secret = Files.readString(file, StandardCharsets.US_ASCII).strip();
            if (secret.length() < 32) {
                throw new CannotStart(
                        "The admin token " + file + " is too short to be one",
                        "Delete it; a new one is made at the next start.");
            }
            return new AdminToken(secret);
        } catch (IOException e) {
            throw new CannotStart(
                    "Cannot make or read the admin token " + file + ": " + e,
                    "Name a directory that this user may write with stiefel.run-dir.");
        }
    }

    /** A link appears whole or not at all, and fails if another service was first. */
    private static void create(Path runDirectory, Path file) throws IOException {
        byte[] bits = new byte[32];
        new SecureRandom().nextBytes(bits);
        Path whole = Files.createTempFile(
                runDirectory, ".admin.token", "", PosixFilePermissions.asFileAttribute(OWNER_ONLY));
        try {
            Files.writeString(whole, HexFormat.of().formatHex(bits) + "\n", StandardCharsets.US_ASCII);
            Files.createLink(file, whole);
        } catch (FileAlreadyExistsException e) {
            // The other service's token is as good.
        } finally {
            Files.delete(whole);
        }
    }

    /** Compares in a time that does not depend on where the first difference is. */
    public boolean opens(String offered) {
        return MessageDigest.isEqual(secret, offered.getBytes(StandardCharsets.UTF_8));
    }

    /** What our own requests to another service's admin API carry. */
    public String authorization() {
        return "Bearer " + new String(secret, StandardCharsets.US_ASCII);
    }
}
