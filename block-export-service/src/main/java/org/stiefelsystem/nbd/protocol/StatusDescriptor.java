package org.stiefelsystem.nbd.protocol;

/** One descriptor of a block status: so many bytes have this status (proto.md, "Structured reply types"). */
public record StatusDescriptor(long length, int flags) {}
