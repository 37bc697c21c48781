package org.stiefelsystem.payload;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Hashes files, each once for as long as it stays the same file. */
public final class BootFiles {

    /** A few kernels and initrds; older ones are forgotten and would be hashed again. */
    private static final int REMEMBERED = 16;

    private static final int ATTEMPTS = 3;

    private final Map<Path, Hashed> known = new LinkedHashMap<>();

    /**
     * The file with its hash, which is computed when the file is new or another one than at the last look.
     *
     * @param what what to call it in words, such as {@code kernel}
     */
    public synchronized BootFile of(String what, Path path) {
        try {
            for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
                Stamp before = Stamp.of(path);
                Hashed hashed = known.get(path);
                if (hashed != null && hashed.stamp.equals(before)) {
                    return hashed.file;
                }
                if (!before.regular || before.size == 0) {
                    throw new PayloadUnavailable(
                            "The " + what + " " + path + " is " + (before.regular ? "empty" : "not a file"),
                            "Name a readable file.");
                }
                BootFile file = new BootFile(path, before.size, sha256(path));
                if (Stamp.of(path).equals(before)) {
                    remember(path, new Hashed(before, file));
                    return file;
                }
            }
        } catch (NoSuchFileException e) {
            throw new PayloadUnavailable("The " + what + " " + path + " is not there", "Name one that is.");
        } catch (IOException e) {
            throw new PayloadUnavailable(
                    "The " + what + " " + path + " cannot be read: " + e,
                    "Run as a user who may read it (kernels are root's on some systems).");
        }
        throw new PayloadUnavailable(
                "The " + what + " " + path + " is being written right now", "Ask again when that is done.");
    }

    private void remember(Path path, Hashed hashed) {
        known.remove(path);
        if (known.size() >= REMEMBERED) {
            known.remove(known.keySet().iterator().next());
        }
        known.put(path, hashed);
    }

    private static String sha256(Path path) throws IOException {
        MessageDigest digest = digest();
        try (InputStream in = Files.newInputStream(path)) {
            byte[] buffer = new byte[1 << 16];
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                digest.update(buffer, 0, n);
            }
        }
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("Every Java has SHA-256", e);
        }
    }

    private record Hashed(Stamp stamp, BootFile file) {}

    /** What changes when a file is written to or replaced. */
    private record Stamp(
            boolean regular,
            long size,
            FileTime modified,
            @Nullable Object inode) {

        static Stamp of(Path path) throws IOException {
            BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
            return new Stamp(
                    attributes.isRegularFile(), attributes.size(), attributes.lastModifiedTime(), attributes.fileKey());
        }
    }
}
