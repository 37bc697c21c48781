package org.stiefelsystem.payload;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Map;

/** The figures of the payload service. */
public final class PayloadMeters {

    private final MeterRegistry meters;
    private final Map<Phase, Double> latest = new EnumMap<>(Phase.class);

    public PayloadMeters(MeterRegistry meters) {
        this.meters = meters;
        for (String file : new String[] {"kernel", "initrd"}) {
            delivered(file, 0);
        }
    }

    /** Counts bytes that were handed to the kernel's sendfile; how much of it arrives is the guest's to tell. */
    public void delivered(String file, long bytes) {
        meters.counter("stiefel.payload.bytes", "file", file).increment((double) bytes);
    }

    /** Times one answer until its body is handed over. */
    public void answered(String path, Duration time) {
        Timer.builder("stiefel.payload")
                .description("From a request until its answer is handed to the kernel; the transfer itself is in"
                        + " stiefel_boot_phase_seconds")
                .tag("path", path)
                .register(meters)
                .record(time);
    }

    public synchronized void report(PhaseReport report) {
        for (PhaseReport.PhaseTime reached : report.phases()) {
            if (latest.put(reached.phase(), reached.seconds()) == null) {
                Gauge.builder("stiefel.boot.phase", () -> latest(reached.phase()))
                        .baseUnit("seconds")
                        .description("When the latest boot reached the phase, since its first kernel started")
                        .tag("phase", reached.phase().word())
                        .register(meters);
            }
        }
    }

    private synchronized double latest(Phase phase) {
        return latest.getOrDefault(phase, Double.NaN);
    }
}
