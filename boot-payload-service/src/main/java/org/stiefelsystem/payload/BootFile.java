package org.stiefelsystem.payload;

import java.nio.file.Path;

/**
 * One file of a payload as it was when it was hashed.
 *
 * @param sha256 64 lower-case hex digits
 */
public record BootFile(Path path, long size, String sha256) {}
