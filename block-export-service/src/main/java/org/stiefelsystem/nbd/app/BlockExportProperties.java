package org.stiefelsystem.nbd.app;

import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotBlank;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.validation.annotation.Validated;

/**
 * What the operator may set for the block export.
 *
 * @param bind where NBD listens; a link-local address with its link binds to that link alone
 * @param runDir for the admin token and the leases
 */
@Validated
@ConfigurationProperties("stiefel")
record BlockExportProperties(
        @DefaultValue("127.0.0.1") String bind,
        @DefaultValue("/run/stiefel") Path runDir,
        @Valid @DefaultValue ExportSettings export,
        @Valid @DefaultValue Actuator actuator) {

    /**
     * The ports of this service and what it serves.
     *
     * @param port TCP, NBD
     * @param adminPort TCP, on the loopback interface
     * @param actuatorPort TCP, at {@code stiefel.actuator.bind}
     * @param guestShutdownPort UDP, where a guest hears that its host wants the disk back
     * @param allowPaths what a request to the admin API may have opened; empty: {@link AllowedPaths} has the default
     * @param limits by name, as {@link LimitSettings} reads them
     * @param keepLeases whether guests may boot from here: their leases are kept in {@code runDir}, by one service at a time
     */
    record ExportSettings(
            @DefaultValue("10809") @Min(0) @Max(65535) int port,
            @DefaultValue("4655") @Min(0) @Max(65535) int adminPort,
            @DefaultValue("4665") @Min(0) @Max(65535) int actuatorPort,
            @DefaultValue("61571") @Min(1) @Max(65535) int guestShutdownPort,
            @DefaultValue("true") boolean keepLeases,
            @DefaultValue List<@Valid Disk> exports,
            @DefaultValue List<String> allowPaths,
            @DefaultValue Map<String, String> limits) {}

    /** One disk or image, or a part of it, and the name it is served under. */
    record Disk(
            @NotBlank String name,
            @NotBlank String path,
            @DefaultValue("false") boolean readOnly,
            @Nullable Long offset,
            @Nullable Long size,
            @Nullable Integer partition) {}

    /** Where health and metrics are served. */
    record Actuator(@DefaultValue("127.0.0.1") String bind) {}
}
