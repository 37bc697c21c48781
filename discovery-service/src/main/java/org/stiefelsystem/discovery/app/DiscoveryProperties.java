package org.stiefelsystem.discovery.app;

import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import java.net.URI;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.validation.annotation.Validated;

/**
 * What the operator may set for discovery.
 *
 * @param transport {@code wireguard} or {@code plain}
 * @param link the one interface that {@code plain} is answered on
 * @param bind where the services of the link listen
 * @param runDir where the admin token is
 */
@Validated
@ConfigurationProperties("stiefel")
record DiscoveryProperties(
        @DefaultValue("wireguard") TransportChoice transport,
        @Nullable String link,
        @DefaultValue("127.0.0.1") String bind,
        @DefaultValue("/run/stiefel") Path runDir,
        @Valid @DefaultValue Discovery discovery,
        @Valid @DefaultValue Payload payload,
        @Valid @DefaultValue Actuator actuator) {

    /** The two ways to make a link. */
    enum TransportChoice {
        WIREGUARD,
        PLAIN
    }

    /**
     * The ports of this service, and the two whose listeners it moves with the link.
     *
     * @param port UDP, where FIND is heard
     * @param statePort TCP, at {@code stiefel.bind}
     * @param adminPort TCP, on the loopback interface
     * @param actuatorPort TCP, at {@code stiefel.actuator.bind}
     * @param payloadAdmin the admin API of the payload service
     * @param exportAdmin the admin API of the block export
     */
    record Discovery(
            @DefaultValue("61570") @Min(0) @Max(65535) int port,
            @DefaultValue("4643") @Min(0) @Max(65535) int statePort,
            @DefaultValue("4653") @Min(0) @Max(65535) int adminPort,
            @DefaultValue("4663") @Min(0) @Max(65535) int actuatorPort,
            URI payloadAdmin,
            URI exportAdmin) {}

    /** Where the payload service listens: what a HELLO tells. */
    record Payload(@DefaultValue("4644") @Min(1) @Max(65535) int port) {}

    /** Where health and metrics are served. */
    record Actuator(@DefaultValue("127.0.0.1") String bind) {}
}
