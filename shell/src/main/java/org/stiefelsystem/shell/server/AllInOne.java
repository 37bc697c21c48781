package org.stiefelsystem.shell.server;

import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ApplicationContextInitializer;
import org.springframework.context.ConfigurableApplicationContext;
import org.stiefelsystem.discovery.app.DiscoveryApplication;
import org.stiefelsystem.nbd.app.BlockExportApplication;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.Leases;
import org.stiefelsystem.nbd.export.RefusedException;
import org.stiefelsystem.nbd.server.NbdServer;
import org.stiefelsystem.payload.BootIdRegistrar;
import org.stiefelsystem.payload.Boots;
import org.stiefelsystem.payload.RegistrationFailed;
import org.stiefelsystem.payload.app.PayloadApplication;
import org.stiefelsystem.shell.ServiceContext;
import org.stiefelsystem.shell.Settings;

/**
 * The three services in one JVM. The disk is opened first and closed last; discovery, which brings the guests, starts last
 * and ends first. The payload service tells the export of a boot by a call.
 */
final class AllInOne implements AutoCloseable {

    private final Deque<ConfigurableApplicationContext> running = new ArrayDeque<>();
    private final Settings overrides;

    private AllInOne(Settings overrides) {
        this.overrides = overrides;
    }

    static AllInOne start(Map<String, String> settings, Settings overrides) {
        AllInOne services = new AllInOne(overrides);
        try {
            ConfigurableApplicationContext export =
                    services.start(BlockExportApplication::builder, settings, context -> {});
            Map<String, String> withPort = new HashMap<>(settings);
            withPort.put(
                    "stiefel.payload.nbd-port",
                    String.valueOf(export.getBean(NbdServer.class).address().getPort()));
            BootIdRegistrar registrar = registrar(export.getBean(Leases.class));
            ConfigurableApplicationContext payload = services.start(
                    PayloadApplication::builder,
                    withPort,
                    context -> context.getBeanFactory().registerSingleton("bootIdRegistrar", registrar));
            Map<String, String> withAdmins = new HashMap<>(settings);
            withAdmins.put("stiefel.discovery.payload-admin", adminApi(payload));
            withAdmins.put("stiefel.discovery.export-admin", adminApi(export));
            services.start(DiscoveryApplication::builder, withAdmins, context -> {});
            return services;
        } catch (RuntimeException e) {
            services.close();
            throw e;
        }
    }

    private ConfigurableApplicationContext start(
            Supplier<SpringApplicationBuilder> service,
            Map<String, String> settings,
            ApplicationContextInitializer<ConfigurableApplicationContext> beforehand) {
        ConfigurableApplicationContext context = ServiceContext.start(service, settings, overrides, beforehand);
        running.push(context);
        return context;
    }

    /** Where it really is, whatever port was asked for: the first door of these services is their admin API. */
    private static String adminApi(ConfigurableApplicationContext service) {
        return "http://127.0.0.1:" + service.getEnvironment().getRequiredProperty("local.server.port");
    }

    private static BootIdRegistrar registrar(Leases leases) {
        return (bootId, export) -> {
            try {
                leases.register(bootId.hex(), export);
            } catch (RefusedException e) {
                throw new RegistrationFailed(e.what(), e);
            } catch (IOException e) {
                throw new RegistrationFailed("the boot id could not be kept: " + e.getMessage(), e);
            }
        };
    }

    ServerEvents events() {
        return new ServerEvents(
                bean(Boots.class), bean(Exports.class), running.getFirst().getBean(MeterRegistry.class));
    }

    private <T> T bean(Class<T> type) {
        return running.stream()
                .filter(context -> context.getBeanNamesForType(type).length > 0)
                .findFirst()
                .orElseThrow()
                .getBean(type);
    }

    /** Graceful: the export answers what it has received, flushes and lets go of the disk. */
    @Override
    public void close() {
        while (!running.isEmpty()) {
            running.pop().close();
        }
    }
}
