package org.stiefelsystem.nbd.app;

import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.stiefelsystem.nbd.export.DiskPart;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.Leases;
import org.stiefelsystem.nbd.export.RefusedException;
import org.stiefelsystem.nbd.server.GuestShutdown;
import org.stiefelsystem.nbd.server.NbdLimits;
import org.stiefelsystem.nbd.server.NbdServer;

/** The object graph of the block export. */
@Configuration(proxyBeanMethods = false)
@EnableConfigurationProperties(BlockExportProperties.class)
class BlockExportConfiguration {

    /** random(4): generated once at each boot of this machine. */
    private static final Path KERNEL_BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");

    /** sd_booted(3). */
    private static final Path SYSTEMD_RUNS = Path.of("/run/systemd/system");

    @Bean
    Leases leases(BlockExportProperties properties) throws IOException {
        Path file = runDir(properties).resolve("leases");
        String machine = Files.readString(KERNEL_BOOT_ID).strip();
        return properties.export().keepLeases() ? Leases.in(file, machine) : Leases.inMemoryBeside(file, machine);
    }

    @Bean
    ShutdownInhibitor shutdownInhibitor(Leases leases) {
        ShutdownInhibitor inhibitor = new ShutdownInhibitor(SYSTEMD_RUNS, "systemd-inhibit");
        leases.watchGuests(inhibitor::hold);
        return inhibitor;
    }

    /** Opened here, so that a disk that may not be served ends the start. */
    @Bean
    Exports exports(BlockExportProperties properties, Leases leases) throws IOException {
        if (properties.export().exports().isEmpty()) {
            throw new RefusedException(
                    "There is nothing to serve.",
                    "Set stiefel.export.exports[0].name and stiefel.export.exports[0].path.");
        }
        Exports exports = new Exports(leases);
        try {
            for (BlockExportProperties.Disk disk : properties.export().exports()) {
                exports.add(Export.open(
                        disk.name(),
                        Path.of(disk.path()),
                        disk.readOnly(),
                        DiskPart.of(disk.offset(), disk.size(), disk.partition())));
            }
            return exports;
        } catch (IOException e) {
            exports.close();
            throw e;
        }
    }

    @Bean
    NbdMetrics nbdMetrics(MeterRegistry meters, Exports exports) {
        return new NbdMetrics(meters, exports);
    }

    @Bean
    NbdLimits nbdLimits(BlockExportProperties properties) throws RefusedException {
        return LimitSettings.limits(properties.export().limits());
    }

    /** Started and closed by {@link NbdServerLifecycle}. */
    @Bean(destroyMethod = "")
    NbdServer nbdServer(BlockExportProperties properties, NbdLimits limits, Exports exports, NbdMetrics metrics) {
        NbdServer server = new NbdServer(
                new InetSocketAddress(properties.bind(), properties.export().port()), exports, limits, metrics);
        metrics.watch(server);
        return server;
    }

    @Bean
    NbdServerLifecycle nbdServerLifecycle(NbdServer server) {
        return new NbdServerLifecycle(server);
    }

    @Bean
    HealthIndicator nbdHealthIndicator(NbdServer server, Exports exports) {
        return () -> (server.accepting() && exports.all().stream().noneMatch(Export::failed)
                        ? Health.up()
                        : Health.down())
                .build();
    }

    @Bean
    RunTimeExports runTimeExports(
            BlockExportProperties properties, Exports exports, NbdServer server, NbdMetrics metrics) {
        BlockExportProperties.ExportSettings settings = properties.export();
        return new RunTimeExports(exports, server, metrics, AllowedPaths.of(settings.allowPaths(), settings.exports()));
    }

    @Bean
    ExportsController exportsController(
            BlockExportProperties properties, Exports exports, NbdServer server, RunTimeExports runTimeExports) {
        return new ExportsController(
                exports,
                server,
                runTimeExports,
                new GuestShutdown(server, properties.export().guestShutdownPort()));
    }

    @Bean
    FilterRegistrationBean<AdminFilter> adminFilter(BlockExportProperties properties) throws IOException {
        return new FilterRegistrationBean<>(
                new AdminFilter(AdminToken.in(runDir(properties)).text()));
    }

    private static Path runDir(BlockExportProperties properties) throws IOException {
        try {
            return Files.createDirectories(
                    properties.runDir(),
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (IOException e) {
            throw new RefusedException(
                    "The directory %s cannot be made: %s.".formatted(properties.runDir(), e.getMessage()),
                    "Run as root, or set stiefel.run-dir to a directory of this user.");
        }
    }
}
