package org.stiefelsystem.nbd.app;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.Lease;
import org.stiefelsystem.nbd.export.Leases;
import org.stiefelsystem.nbd.protocol.Command;
import org.stiefelsystem.nbd.protocol.NbdError;
import org.stiefelsystem.nbd.server.NbdObserver;
import org.stiefelsystem.nbd.server.NbdServer;

/** The server's meters, made with each export: the path of a request looks up and adds, and makes nothing. */
class NbdMetrics implements NbdObserver {

    private static final Duration[] BUCKETS = {
        Duration.ofNanos(50_000),
        Duration.ofNanos(200_000),
        Duration.ofMillis(1),
        Duration.ofMillis(5),
        Duration.ofMillis(20),
        Duration.ofMillis(100),
        Duration.ofMillis(500),
        Duration.ofSeconds(2),
        Duration.ofSeconds(10)
    };

    private final MeterRegistry meters;
    private final Leases leases;
    private final Map<Export, Map<Command, CommandMeters>> byExport = new ConcurrentHashMap<>();
    private final Map<Export, List<Meter>> metersOf = new ConcurrentHashMap<>();

    NbdMetrics(MeterRegistry meters, Exports exports) {
        this.meters = meters;
        this.leases = exports.leases();
        exports.all().forEach(this::register);
    }

    private record CommandMeters(Timer seconds, Map<NbdError, Counter> results) {}

    /** Before its first request is answered, or that goes uncounted. */
    void register(Export export) {
        metersOf.put(export, new CopyOnWriteArrayList<>());
        Map<Command, CommandMeters> commands = new EnumMap<>(Command.class);
        for (Command command : Command.values()) {
            if (command != Command.DISC) {
                commands.put(command, meters(export, command.name().toLowerCase(Locale.ROOT)));
            }
        }
        byExport.put(export, commands);
        bytes(export, "read", Export::bytesRead);
        bytes(export, "write", Export::bytesWritten);
        keep(
                export,
                Gauge.builder(
                                "stiefel.nbd.connections",
                                export,
                                e -> leases.of(e.name()).connections())
                        .tag("export", export.name())
                        .description("Connections that are in transmission")
                        .register(meters));
        for (Lease.State state : Lease.State.values()) {
            lease(export, state);
        }
    }

    private CommandMeters meters(Export export, String command) {
        Timer seconds = Timer.builder("stiefel.nbd.request")
                .tags("export", export.name(), "command", command)
                .description("From the arrival of a request to its reply")
                .serviceLevelObjectives(BUCKETS)
                .register(meters);
        keep(export, seconds);
        Map<NbdError, Counter> results = new EnumMap<>(NbdError.class);
        for (NbdError error : NbdError.values()) {
            String result = error == NbdError.NONE ? "ok" : error.name().toLowerCase(Locale.ROOT);
            Counter counter = Counter.builder("stiefel.nbd.requests")
                    .tags("export", export.name(), "command", command, "result", result)
                    .description("Requests that were answered")
                    .register(meters);
            keep(export, counter);
            results.put(error, counter);
        }
        return new CommandMeters(seconds, results);
    }

    private void bytes(Export export, String direction, java.util.function.ToDoubleFunction<Export> bytes) {
        keep(
                export,
                FunctionCounter.builder("stiefel.nbd.bytes", export, bytes)
                        .tags("export", export.name(), "direction", direction)
                        .description("Bytes read from and written to the export")
                        .register(meters));
    }

    private void lease(Export export, Lease.State state) {
        keep(
                export,
                Gauge.builder(
                                "stiefel.nbd.lease",
                                export,
                                e -> leases.of(e.name()).state() == state ? 1 : 0)
                        .tags("export", export.name(), "state", state.name().toLowerCase(Locale.ROOT))
                        .description("1 for the state that the export's lease is in")
                        .register(meters));
    }

    private void keep(Export export, Meter meter) {
        Objects.requireNonNull(metersOf.get(export)).add(meter);
    }

    /** Another one may come by its name, and has meters of its own. */
    void remove(Export export) {
        byExport.remove(export);
        List<Meter> gone = metersOf.remove(export);
        if (gone != null) {
            gone.forEach(meters::remove);
        }
    }

    void watch(NbdServer server) {
        Gauge.builder("stiefel.nbd.inflight.bytes", server, NbdServer::inFlightBytes)
                .description("Payload of large requests that are being done")
                .register(meters);
        FunctionCounter.builder("stiefel.nbd.turned.away", server, NbdServer::turnedAway)
                .description("Connections that ended without having got an export")
                .register(meters);
    }

    @Override
    public void answered(Export export, Command command, NbdError result, long length, long nanos) {
        Map<Command, CommandMeters> ofExport = byExport.get(export);
        if (ofExport == null) {
            return;
        }
        CommandMeters of = Objects.requireNonNull(ofExport.get(command));
        of.seconds.record(nanos, TimeUnit.NANOSECONDS);
        Objects.requireNonNull(of.results.get(result)).increment();
    }
}
