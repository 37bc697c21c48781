package org.stiefelsystem.shell;

import java.net.BindException;
import java.nio.channels.UnresolvedAddressException;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.boot.diagnostics.FailureAnalyzer;
import org.springframework.boot.web.server.PortInUseException;
import org.springframework.context.ApplicationContextInitializer;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.io.support.SpringFactoriesLoader;

/** Starts a service as a context of this JVM and turns its failure to start into our two lines. */
public final class ServiceContext {

    private ServiceContext() {}

    /**
     * Starts it with the command's {@code --set} and, above them, these settings, which the command has checked.
     *
     * @param beforehand beans that the service is to find
     */
    public static ConfigurableApplicationContext start(
            Supplier<SpringApplicationBuilder> service,
            Map<String, String> settings,
            Settings overrides,
            ApplicationContextInitializer<ConfigurableApplicationContext> beforehand) {
        Map<String, String> effective = new java.util.TreeMap<>(overrides.overrides());
        effective.putAll(settings);
        effective.put("stiefel.run-dir", overrides.runDir());
        String[] arguments = effective.entrySet().stream()
                .map(setting -> "--" + setting.getKey() + "=" + setting.getValue())
                .toArray(String[]::new);
        try {
            return service.get()
                    // Ours decides the order in which the services end.
                    .registerShutdownHook(false)
                    .initializers(beforehand)
                    .run(arguments);
        } catch (RuntimeException e) {
            throw inWords(e, effective);
        }
    }

    private static RuntimeException inWords(RuntimeException failure, Map<String, String> effective) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof CommandFailure words) {
                return words;
            }
            if (cause instanceof BindException || cause instanceof UnresolvedAddressException) {
                return CommandFailure.failed(
                        "stiefel.bind=" + effective.getOrDefault("stiefel.bind", "127.0.0.1")
                                + " or a port at it cannot be listened on: " + cause.getMessage(),
                        "Use an address of this machine and a port that is free; `stiefelctl config show` lists them.");
            }
            if (cause instanceof PortInUseException inUse) {
                String owner = ListeningSockets.ownerOf("tcp", inUse.getPort()).orElse("another program");
                return CommandFailure.failed(
                        "TCP port " + inUse.getPort() + " is in use by " + owner,
                        "End that program, or choose another port with --set (`stiefelctl config show` lists them).");
            }
        }
        List<FailureAnalyzer> analyzers = SpringFactoriesLoader.forDefaultResourceLocation(
                        ServiceContext.class.getClassLoader())
                // Some want a bean factory, which a context that failed no longer has.
                .load(FailureAnalyzer.class, SpringFactoriesLoader.FailureHandler.handleMessage((message, e) -> {}));
        for (FailureAnalyzer analyzer : analyzers) {
            FailureAnalysis analysis = analyzer.analyze(failure);
            if (analysis != null) {
                String remedy = analysis.getAction();
                return CommandFailure.failed(
                        oneLine(String.valueOf(analysis.getDescription())), remedy == null ? "" : oneLine(remedy));
            }
        }
        return failure;
    }

    private static String oneLine(String words) {
        String line = words.strip().replaceAll("\\s*\\R\\s*", " ");
        return line.endsWith(".") && line.indexOf(". ") < 0 ? line.substring(0, line.length() - 1) : line;
    }
}
