package org.stiefelsystem.payload;

/** What a guest is told before it fetches anything; as JSON this record, as text {@link #lines}. */
public record PayloadManifest(
        String name,
        Content kernel,
        Content initrd,
        String cmdline,
        String mode,
        String export,
        String bootId,
        int nbdPort) {

    /** By what a guest checks a fetched file. */
    public record Content(long size, String sha256) {

        static Content of(BootFile file) {
            return new Content(file.size(), file.sha256());
        }
    }

    /**
     * The settings that are the same for every boot.
     *
     * @param name the served machine's name, for people
     */
    public record Terms(String name, String mode, String export, int nbdPort) {}

    public static PayloadManifest of(BootSpec spec, Terms terms, BootId bootId) {
        return new PayloadManifest(
                terms.name(),
                Content.of(spec.kernel()),
                Content.of(spec.initrd()),
                spec.cmdline().text(),
                terms.mode(),
                terms.export(),
                bootId.hex(),
                terms.nbdPort());
    }

    /** One {@code key=value} per line for the agent, which takes each by its key and evaluates nothing. */
    public String lines() {
        return """
                name=%s
                kernel.size=%d
                kernel.sha256=%s
                initrd.size=%d
                initrd.sha256=%s
                cmdline=%s
                mode=%s
                export=%s
                boot-id=%s
                nbd-port=%d
                """.formatted(
                        name,
                        kernel.size(),
                        kernel.sha256(),
                        initrd.size(),
                        initrd.sha256(),
                        cmdline,
                        mode,
                        export,
                        bootId,
                        nbdPort);
    }
}
