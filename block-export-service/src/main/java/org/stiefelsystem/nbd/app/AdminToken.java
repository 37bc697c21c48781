package org.stiefelsystem.nbd.app;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.HexFormat;

/** The secret of all services' admin APIs: a file that only its owner reads. */
record AdminToken(String text) {

    private static final String FILE = "admin.token";
    private static final int BYTES = 32;

    /** Reads the token; whichever service comes first makes it, whole or not at all. */
    static AdminToken in(Path runDir) throws IOException {
        Path file = runDir.resolve(FILE);
        if (!Files.exists(file)) {
            create(runDir, file);
        }
        return new AdminToken(Files.readString(file).trim());
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
