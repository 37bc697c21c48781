package org.stiefelsystem.shell;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;
import org.springframework.boot.context.properties.source.ConfigurationPropertySource;
import org.springframework.boot.context.properties.source.ConfigurationPropertySources;
import org.springframework.boot.context.properties.source.IterableConfigurationPropertySource;
import org.springframework.boot.env.YamlPropertySourceLoader;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.MutablePropertySources;
import org.springframework.core.env.PropertySource;
import org.springframework.core.env.SystemEnvironmentPropertySource;
import org.springframework.core.io.FileSystemResource;

/**
 * The effective values of {@code stiefel.*} and where each comes from: {@code --set}, then the environment, then
 * {@code /etc/stiefel/stiefel.yml}, then the default. The same order and names as in the services.
 */
public final class Settings {

    private static final ConfigurationPropertyName ROOT = ConfigurationPropertyName.of("stiefel");

    /** Of the launcher and the shell themselves; the services do not know them. */
    private static final List<String> NOT_SETTINGS =
            List.of("stiefel.home", "stiefel.var", "stiefel.lab", "stiefel.config");

    private static final Pattern REFERENCE = Pattern.compile("\\$\\{([^}]+)}");

    private final Path file;
    private final Map<String, Object> environment;
    private Map<String, String> overrides = Map.of();

    public Settings(Path file, Map<String, String> environment) {
        this.file = file;
        this.environment = new LinkedHashMap<>(environment);
    }

    static Settings ofThisMachine() {
        Map<String, String> environment = System.getenv();
        return new Settings(
                Path.of(environment.getOrDefault("STIEFEL_CONFIG", "/etc/stiefel/stiefel.yml")), environment);
    }

    /** The {@code --set} of the command that starts now; they end with it. */
    void override(Map<String, String> settings) {
        overrides = Map.copyOf(settings);
    }

    public Map<String, String> overrides() {
        return new TreeMap<>(overrides);
    }

    /** Whether somebody chose this value, rather than it being the default. */
    public boolean isChosen(String name) {
        return find(name).isPresent();
    }

    public Optional<String> find(String name) {
        ConfigurationPropertyName property = ConfigurationPropertyName.of(name);
        return sources().stream()
                .flatMap(source -> Optional.ofNullable(source.properties().getConfigurationProperty(property)).stream())
                .map(found -> String.valueOf(found.getValue()))
                .findFirst();
    }

    public String get(String name) {
        return find(name).orElseGet(() -> defaultOf(name));
    }

    private String defaultOf(String name) {
        return REFERENCE
                .matcher(KnownSettings.defaultOf(name))
                .replaceAll(reference -> Matcher.quoteReplacement(get(reference.group(1))));
    }

    /** A number out of range is better said before anything has started. */
    public void checkPorts() {
        KnownSettings.DEFAULTS.keySet().stream()
                .filter(name -> name.matches(".*[.-]port"))
                .sorted()
                .forEach(this::port);
    }

    /** An unknown name is a slip of the pen, which would be passed over in silence otherwise. */
    public void checkNames() {
        overrides.keySet().forEach(name -> {
            if (!KnownSettings.isKnown(name)) {
                throw CommandFailure.usage("there is no setting " + name, meant(name));
            }
        });
        for (Source source : sources()) {
            if (source.name().equals(file.toString())
                    && source.properties() instanceof IterableConfigurationPropertySource names) {
                names.stream()
                        .filter(ROOT::isAncestorOf)
                        .map(ConfigurationPropertyName::toString)
                        .filter(name -> !KnownSettings.isKnown(name))
                        .findFirst()
                        .ifPresent(name -> {
                            throw CommandFailure.failed(file + ": there is no setting " + name, meant(name));
                        });
            }
        }
    }

    private static String meant(String name) {
        return ShellCommands.nearest(name, List.copyOf(KnownSettings.DEFAULTS.keySet()))
                .map(known -> "Did you mean " + known + "? `stiefelctl config show` lists all of them.")
                .orElse("`stiefelctl config show` lists all of them.");
    }

    public int port(String name) {
        String value = get(name);
        try {
            int port = Integer.parseInt(value);
            if (port >= 0 && port <= 65535) {
                return port;
            }
        } catch (NumberFormatException e) {
            // Said below, the same way as a number out of range.
        }
        throw CommandFailure.usage(name + "=" + value + " is not a port", "Use a number from 0 to 65535.");
    }

    /** Where the services keep their token; without a choice, a plain user's own run directory takes the place of root's. */
    public String runDir() {
        return find("stiefel.run-dir").orElseGet(() -> {
            String own = String.valueOf(environment.getOrDefault("XDG_RUNTIME_DIR", ""));
            return "root".equals(System.getProperty("user.name")) || own.isEmpty()
                    ? KnownSettings.defaultOf("stiefel.run-dir")
                    : own + "/stiefel";
        });
    }

    /** Every known setting, and every other one that somebody wrote, by name. */
    public List<Setting> all() {
        Map<String, Setting> settings = new TreeMap<>();
        KnownSettings.DEFAULTS
                .keySet()
                .forEach(name -> settings.put(name, new Setting(name, defaultOf(name), "default")));
        settings.put("stiefel.run-dir", new Setting("stiefel.run-dir", runDir(), "default"));
        for (Source source : sources().reversed()) {
            if (source.properties() instanceof IterableConfigurationPropertySource names) {
                names.stream()
                        .filter(name -> ROOT.isAncestorOf(name) && !NOT_SETTINGS.contains(name.toString()))
                        .forEach(name -> {
                            var found = names.getConfigurationProperty(name);
                            if (found != null) {
                                String key = name.toString();
                                settings.put(key, new Setting(key, String.valueOf(found.getValue()), source.name()));
                            }
                        });
            }
        }
        // An environment name has lost its dashes: STIEFEL_EXPORT_ADMINPORT is found by the known name only.
        KnownSettings.DEFAULTS
                .keySet()
                .forEach(name -> sources().stream()
                        .filter(source ->
                                source.properties().getConfigurationProperty(ConfigurationPropertyName.of(name))
                                        != null)
                        .findFirst()
                        .ifPresent(source -> settings.put(name, new Setting(name, get(name), source.name()))));
        settings.values()
                .removeIf(setting -> !KnownSettings.DEFAULTS.containsKey(setting.name())
                        && KnownSettings.DEFAULTS.keySet().stream()
                                .anyMatch(known -> known.replace("-", "").equals(setting.name())));
        return List.copyOf(settings.values());
    }

    private List<Source> sources() {
        List<Source> sources = new ArrayList<>();
        sources.add(source("--set", new MapPropertySource("set", new LinkedHashMap<>(overrides))));
        sources.add(source("environment", new SystemEnvironmentPropertySource("systemEnvironment", environment)));
        if (!Files.exists(file) && environment.containsKey("STIEFEL_CONFIG")) {
            throw CommandFailure.failed(
                    file + " does not exist, and STIEFEL_CONFIG names it", "Correct STIEFEL_CONFIG, or unset it.");
        }
        if (Files.exists(file)) {
            try {
                for (PropertySource<?> document :
                        new YamlPropertySourceLoader().load("file", new FileSystemResource(file))) {
                    sources.add(source(file.toString(), document));
                }
            } catch (IOException | RuntimeException e) {
                throw CommandFailure.failed(
                        file + " cannot be read: " + firstLine(e), "Mend the file, or move it away for the defaults.");
            }
        }
        return sources;
    }

    private static String firstLine(Exception e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }

    private static Source source(String name, PropertySource<?> properties) {
        MutablePropertySources one = new MutablePropertySources();
        one.addFirst(properties);
        return new Source(
                name, ConfigurationPropertySources.from(one).iterator().next());
    }

    private record Source(String name, ConfigurationPropertySource properties) {}

    /** One effective value. */
    public record Setting(String name, String value, String from) {}
}
