package org.stiefelsystem.shell;

import java.util.LinkedHashMap;
import java.util.Map;

/** The names and defaults that the services agree on; each service validates its own. */
final class KnownSettings {

    static final Map<String, String> DEFAULTS = defaults();

    private KnownSettings() {}

    /** With the exports and the allowed paths, which are lists. */
    static boolean isKnown(String name) {
        // adminPort in a file is admin-port, as in the services.
        String plain = name.replace("-", "");
        return DEFAULTS.keySet().stream()
                        .anyMatch(known -> known.replace("-", "").equals(plain))
                || plain.matches("stiefel\\.export\\.exports\\[\\d+]\\.(name|path|readonly|offset|size|partition)")
                || plain.matches("stiefel\\.export\\.allowpaths\\[\\d+]");
    }

    /** May name other settings, as in <code>${stiefel.export.admin-port}</code>. */
    static String defaultOf(String name) {
        return DEFAULTS.getOrDefault(name, "");
    }

    private static Map<String, String> defaults() {
        Map<String, String> defaults = new LinkedHashMap<>();
        defaults.put("stiefel.transport", "wireguard");
        defaults.put("stiefel.link", "");
        defaults.put("stiefel.bind", "127.0.0.1");
        defaults.put("stiefel.run-dir", "/run/stiefel");
        defaults.put("stiefel.discovery.port", "61570");
        defaults.put("stiefel.discovery.state-port", "4643");
        defaults.put("stiefel.discovery.admin-port", "4653");
        defaults.put("stiefel.discovery.actuator-port", "4663");
        defaults.put("stiefel.discovery.payload-admin", "http://127.0.0.1:${stiefel.payload.admin-port}");
        defaults.put("stiefel.discovery.export-admin", "http://127.0.0.1:${stiefel.export.admin-port}");
        defaults.put("stiefel.payload.port", "4644");
        defaults.put("stiefel.payload.admin-port", "4654");
        defaults.put("stiefel.payload.actuator-port", "4664");
        defaults.put("stiefel.payload.name", "");
        defaults.put("stiefel.payload.boot-dir", "");
        defaults.put("stiefel.payload.kernel", "");
        defaults.put("stiefel.payload.initrd", "");
        defaults.put("stiefel.payload.cmdline", "");
        defaults.put("stiefel.payload.mode", "direct");
        defaults.put("stiefel.payload.export", "root");
        defaults.put("stiefel.payload.nbd-port", "10809");
        defaults.put("stiefel.payload.export-admin", "http://127.0.0.1:${stiefel.export.admin-port}");
        defaults.put("stiefel.export.port", "10809");
        defaults.put("stiefel.export.admin-port", "4655");
        defaults.put("stiefel.export.actuator-port", "4665");
        defaults.put("stiefel.export.guest-shutdown-port", "61571");
        defaults.put("stiefel.export.keep-leases", "true");
        defaults.put("stiefel.export.allow-paths", "");
        defaults.put("stiefel.export.limits.handshake-deadline", "10s");
        defaults.put("stiefel.export.limits.options-per-handshake", "64");
        defaults.put("stiefel.export.limits.option-bytes", "8KB");
        defaults.put("stiefel.export.limits.skipped-option-bytes", "1MB");
        defaults.put("stiefel.export.limits.request-bytes", "32MB");
        defaults.put("stiefel.export.limits.slow-zero-bytes", "4GB");
        defaults.put("stiefel.export.limits.extents-per-reply", "16384");
        defaults.put("stiefel.export.limits.connections", "1200");
        defaults.put("stiefel.export.limits.connections-per-peer", "1100");
        defaults.put("stiefel.export.limits.receive-bytes", "256KB");
        defaults.put("stiefel.export.limits.reply-bytes", "256KB");
        defaults.put("stiefel.export.limits.buffer-bytes", "64MB");
        defaults.put("stiefel.export.limits.reply-bytes-in-memory", "64MB");
        defaults.put("stiefel.export.limits.reply-memory-wait", "5s");
        defaults.put("stiefel.export.limits.send-stall", "60s");
        defaults.put("stiefel.export.limits.send-bytes-per-second", "256KB");
        defaults.put("stiefel.export.limits.keepalive-idle", "10s");
        defaults.put("stiefel.export.limits.keepalive-interval", "5s");
        defaults.put("stiefel.export.limits.keepalive-probes", "6");
        defaults.put("stiefel.export.limits.stop-grace", "5s");
        defaults.put("stiefel.export.limits.stop-limit", "20s");
        defaults.put("stiefel.actuator.bind", "127.0.0.1");
        return Map.copyOf(defaults);
    }
}
