package org.stiefelsystem.payload.app;

import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.stiefelsystem.payload.AdminToken;
import org.stiefelsystem.payload.BootDirectorySource;
import org.stiefelsystem.payload.BootIdRegistrar;
import org.stiefelsystem.payload.BootSpec;
import org.stiefelsystem.payload.Boots;
import org.stiefelsystem.payload.CannotStart;
import org.stiefelsystem.payload.Cmdline;
import org.stiefelsystem.payload.ExplicitFilesSource;
import org.stiefelsystem.payload.PayloadManifest;
import org.stiefelsystem.payload.PayloadMeters;
import org.stiefelsystem.payload.PayloadSource;
import org.stiefelsystem.payload.PayloadUnavailable;
import org.stiefelsystem.payload.web.BootsController;
import org.stiefelsystem.payload.web.HttpBootIdRegistrar;
import org.stiefelsystem.payload.web.PayloadController;
import org.stiefelsystem.payload.web.PayloadProblems;

/** The object graph of the payload service. */
@Configuration(proxyBeanMethods = false)
@EnableConfigurationProperties(PayloadProperties.class)
class PayloadConfiguration {

    private static final Logger log = LoggerFactory.getLogger(PayloadConfiguration.class);

    @Bean
    PayloadSource payloadSource(PayloadProperties properties) {
        try {
            PayloadSource source = source(properties.payload());
            // Looked at now: the operator hears of what is missing before a guest does, and the hashes are ready.
            BootSpec spec = source.bootSpec();
            log.info("Payload: {} with {}", spec.kernel().path(), spec.initrd().path());
            return source;
        } catch (PayloadUnavailable e) {
            throw new CannotStart(String.valueOf(e.getMessage()), e.remedy());
        }
    }

    @Bean
    AdminToken adminToken(PayloadProperties properties) {
        return AdminToken.in(properties.runDir());
    }

    /** The all-in-one registers its own beforehand. */
    @Bean
    @ConditionalOnMissingBean
    BootIdRegistrar bootIdRegistrar(PayloadProperties properties, AdminToken token) {
        return new HttpBootIdRegistrar(properties.payload().exportAdmin(), token);
    }

    @Bean
    Boots boots() {
        return new Boots(Clock.systemUTC());
    }

    @Bean
    PayloadMeters payloadMeters(MeterRegistry meters) {
        return new PayloadMeters(meters);
    }

    @Bean
    PayloadController payloadController(
            PayloadProperties properties,
            PayloadSource source,
            BootIdRegistrar registrar,
            Boots boots,
            PayloadMeters meters) {
        PayloadProperties.Payload payload = properties.payload();
        PayloadManifest.Terms terms = new PayloadManifest.Terms(
                payload.name() == null ? hostName() : payload.name(),
                payload.mode(),
                payload.export(),
                payload.nbdPort());
        return new PayloadController(source, terms, registrar, boots, meters);
    }

    @Bean
    BootsController bootsController(Boots boots) {
        return new BootsController(boots);
    }

    @Bean
    PayloadProblems payloadProblems() {
        return new PayloadProblems();
    }

    /** Made when the payload has been found: what is wrong with that is said first. */
    @Bean
    Doors doors(PayloadProperties properties, PayloadSource found, AdminToken token) {
        PayloadProperties.Payload payload = properties.payload();
        InetAddress link = address(properties.bind(), "stiefel.bind");
        InetAddress actuator = address(properties.actuator().bind(), "stiefel.actuator.bind");
        return new Doors(InetAddress.getLoopbackAddress(), payload.adminPort(), Set.of("/boots", "/listen"), token)
                .link(link, payload.port(), Set.of("/manifest", "/kernel", "/initrd", "/phases"))
                .actuator(actuator, payload.actuatorPort());
    }

    @Bean
    WebServerFactoryCustomizer<TomcatServletWebServerFactory> payloadDoors(Doors doors) {
        return doors::installIn;
    }

    @Bean
    ListenController listenController(Doors doors) {
        return new ListenController(doors);
    }

    private static PayloadSource source(PayloadProperties.Payload payload) {
        @Nullable Cmdline cmdline = payload.cmdline() == null ? null : new Cmdline(payload.cmdline());
        Path kernel = payload.kernel();
        Path initrd = payload.initrd();
        Path bootDir = payload.bootDir();
        if (bootDir != null && (kernel != null || initrd != null)) {
            throw new PayloadUnavailable(
                    "Both a boot directory and single files were named",
                    "Give --boot-dir, or --kernel, --initrd and --cmdline.");
        }
        if (bootDir != null) {
            return new BootDirectorySource(bootDir.toAbsolutePath(), cmdline);
        }
        if (kernel == null || initrd == null || cmdline == null) {
            throw new PayloadUnavailable(
                    "There is no payload to deliver: "
                            + (kernel == null && initrd == null
                                    ? "no boot directory was named"
                                    : "--kernel, --initrd and --cmdline belong together"),
                    "Give --boot-dir DIR (stiefel.payload.boot-dir), or --kernel, --initrd and --cmdline.");
        }
        return new ExplicitFilesSource(kernel.toAbsolutePath(), initrd.toAbsolutePath(), cmdline);
    }

    private static String hostName() {
        try {
            return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
        } catch (IOException e) {
            return "host";
        }
    }

    private static InetAddress address(String text, String property) {
        try {
            return InetAddress.getByName(text);
        } catch (UnknownHostException e) {
            throw new CannotStart(
                    property + "=" + text + " is no address of this machine",
                    "Set it to an address that is here; a link-local one ends in a percent sign and its link.");
        }
    }
}
