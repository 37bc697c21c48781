package org.stiefelsystem.payload;

import java.nio.file.Path;

/** A payload that the operator named file by file. */
public final class ExplicitFilesSource implements PayloadSource {

    private final Path kernel;
    private final Path initrd;
    private final Cmdline cmdline;
    private final BootFiles files = new BootFiles();

    public ExplicitFilesSource(Path kernel, Path initrd, Cmdline cmdline) {
        this.kernel = kernel;
        this.initrd = initrd;
        this.cmdline = cmdline;
    }

    @Override
    public BootSpec bootSpec() {
        return new BootSpec(files.of("kernel", kernel), files.of("initrd", initrd), cmdline);
    }
}
