package org.stiefelsystem.shell.server;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.payload.Boot;
import org.stiefelsystem.payload.Boots;

/** What happened since it was last looked at, in words; looked at often, because nobody waits for it. */
final class ServerEvents {

    /** A guest asks every second; silence this long makes the next question news again. */
    private static final int QUIET_LOOKS = 20;

    private final Boots boots;
    private final Exports exports;
    private final MeterRegistry discovery;
    private final Set<String> told = new HashSet<>();
    private final Map<String, String> holders = new HashMap<>();
    private double questions;
    private int quietLooks = QUIET_LOOKS;

    ServerEvents(Boots boots, Exports exports, MeterRegistry discovery) {
        this.boots = boots;
        this.exports = exports;
        this.discovery = discovery;
    }

    List<String> sinceLastLook() {
        List<String> events = new ArrayList<>();
        lookAtDiscovery(events);
        for (Boot boot : boots.newestFirst().reversed()) {
            lookAt(boot, events);
        }
        for (Export export : exports.all()) {
            lookAt(export, events);
        }
        return events;
    }

    private void lookAtDiscovery(List<String> events) {
        Counter answered = discovery
                .find("stiefel.discovery.messages")
                .tags("type", "find", "outcome", "answered")
                .counter();
        double now = answered == null ? 0 : answered.count();
        if (now > questions) {
            if (quietLooks >= QUIET_LOOKS) {
                events.add("a guest asks for a host and is answered");
            }
            quietLooks = 0;
        } else {
            quietLooks++;
        }
        questions = now;
    }

    private void lookAt(Boot boot, List<String> events) {
        if (told.add(boot.bootId())) {
            events.add(boot.guest() + " fetched the manifest: boot " + boot.bootId());
        }
        for (Boot.PhaseReached phase : boot.phases()) {
            if (told.add(boot.bootId() + phase.phase())) {
                events.add(String.format(
                        Locale.ROOT, "%s reached %-9s %7.2f s", boot.guest(), phase.phase(), phase.seconds()));
            }
        }
        if (boot.failed() != null && told.add(boot.bootId() + " failed")) {
            events.add(boot.guest() + " gave up: " + boot.failed());
        }
    }

    private void lookAt(Export export, List<String> events) {
        Object holder = export.lease().holder();
        String now = holder == null ? "" : holder.toString();
        String before = holders.getOrDefault(export.name(), "");
        if (!now.equals(before)) {
            holders.put(export.name(), now);
            if (!before.isEmpty()) {
                events.add(before + " let go of the disk");
            }
            if (!now.isEmpty()) {
                events.add(now + " runs from the disk");
            }
        }
    }
}
