package org.stiefelsystem.shell.server;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.Lease;
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
    private final Map<String, Lease> leases = new HashMap<>();
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
        Lease now = exports.leases().of(export.name());
        Lease before = leases.getOrDefault(export.name(), new Lease(null, 0));
        leases.put(export.name(), now);
        if (sameHolder(before.holder(), now.holder())) {
            lookAtConnection(before, now, events);
            return;
        }
        if (before.holder() != null) {
            events.add(before.holder().address() + " has no lease of the disk any more");
        }
        if (now.holder() != null) {
            events.add(now.holder().address()
                    + (now.state() == Lease.State.WAITING ? " may come back to the disk" : " runs from the disk"));
        }
    }

    private static void lookAtConnection(Lease before, Lease now, List<String> events) {
        if (now.holder() == null || before.holder() == null) {
            return;
        }
        if (now.state() == Lease.State.WAITING && before.state() == Lease.State.HELD) {
            events.add(now.holder().address() + " is not connected; the disk waits for it");
        } else if (now.holder().reconnects() > before.holder().reconnects() || before.state() != now.state()) {
            events.add(now.holder().address() + " is connected again");
        }
    }

    private static boolean sameHolder(Lease.@Nullable Holder before, Lease.@Nullable Holder now) {
        return before == null
                ? now == null
                : now != null
                        && Objects.equals(before.bootId(), now.bootId())
                        && before.since().equals(now.since());
    }
}
