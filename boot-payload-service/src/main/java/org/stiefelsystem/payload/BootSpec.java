package org.stiefelsystem.payload;

/** What a guest starts: a kernel with its initrd and its command line. */
public record BootSpec(BootFile kernel, BootFile initrd, Cmdline cmdline) {}
