package org.stiefelsystem.nbd.export;

/**
 * So many bytes that are alike.
 *
 * @param hole whether they have no space of their own, and read as zeroes; false also where nobody knows
 */
public record Extent(long length, boolean hole) {}
