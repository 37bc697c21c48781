package org.stiefelsystem.payload.app;

import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.Pattern;
import java.net.URI;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.validation.annotation.Validated;

/**
 * What the operator may set for the payload.
 *
 * @param bind where the link's side listens
 * @param runDir where the admin token is
 */
@Validated
@ConfigurationProperties("stiefel")
record PayloadProperties(
        @DefaultValue("127.0.0.1") String bind,
        @DefaultValue("/run/stiefel") Path runDir,
        @Valid @DefaultValue Payload payload,
        @Valid @DefaultValue Actuator actuator) {

    /**
     * The payload itself.
     *
     * @param name the served machine's name as the guest shows it; this machine's, if not given
     * @param bootDir where the newest kernel is looked for, unless kernel and initrd are named
     * @param cmdline the kernel command line; if not given, the file cmdline in bootDir
     * @param exportAdmin the admin API of the block export
     */
    record Payload(
            @DefaultValue("4644") @Min(0) @Max(65535) int port,
            @DefaultValue("4654") @Min(0) @Max(65535) int adminPort,
            @DefaultValue("4664") @Min(0) @Max(65535) int actuatorPort,

            @Pattern(regexp = "[A-Za-z0-9][A-Za-z0-9._-]{0,62}", message = "is a host name: letters, digits, . _ -")
            @Nullable
            String name,

            @Nullable Path bootDir,
            @Nullable Path kernel,
            @Nullable Path initrd,
            @Nullable String cmdline,

            @DefaultValue("direct") @Pattern(regexp = "direct", message = "can only be direct in this version")
            String mode,

            @DefaultValue("root") @Pattern(regexp = "[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
            String export,

            @DefaultValue("10809") @Min(1) @Max(65535) int nbdPort,
            URI exportAdmin) {}

    /** Where health and metrics are served. */
    record Actuator(@DefaultValue("127.0.0.1") String bind) {}
}
