package org.stiefelsystem.payload;

import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.payload.Boot.PhaseReached;

/** The boots of this run of the service, the newest {@value #REMEMBERED} of them. */
public final class Boots {

    public static final int REMEMBERED = 64;

    private final Clock clock;
    private final Map<BootId, Timeline> timelines = new LinkedHashMap<>();

    public Boots(Clock clock) {
        this.clock = clock;
    }

    public synchronized void started(BootId bootId, String guest) {
        if (timelines.size() >= REMEMBERED) {
            timelines.remove(timelines.keySet().iterator().next());
        }
        timelines.put(bootId, new Timeline(guest, clock.instant()));
    }

    /** Takes a report; a phase that is told again keeps the newer time. */
    public synchronized void report(PhaseReport report) throws UnknownBoot {
        Timeline timeline = timelines.get(report.bootId());
        if (timeline == null) {
            throw new UnknownBoot(report.bootId());
        }
        Instant now = clock.instant();
        for (PhaseReport.PhaseTime reached : report.phases()) {
            timeline.phases.put(
                    reached.phase(), new PhaseReached(reached.phase().word(), reached.seconds(), now));
        }
        // A guest that tries again and reports anew has got over its failure.
        timeline.failed = report.failed();
    }

    public synchronized List<Boot> newestFirst() {
        List<Boot> boots = new ArrayList<>();
        timelines.forEach((bootId, timeline) -> boots.addFirst(timeline.boot(bootId)));
        return boots;
    }

    private static final class Timeline {
        private final String guest;
        private final Instant started;
        private final Map<Phase, PhaseReached> phases = new EnumMap<>(Phase.class);
        private @Nullable String failed;

        Timeline(String guest, Instant started) {
            this.guest = guest;
            this.started = started;
        }

        Boot boot(BootId bootId) {
            return new Boot(bootId.hex(), guest, started, List.copyOf(phases.values()), failed);
        }
    }
}
