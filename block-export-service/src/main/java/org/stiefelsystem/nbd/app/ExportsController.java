package org.stiefelsystem.nbd.app;

import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.web.ErrorResponseException;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.stiefelsystem.nbd.export.DiskPart;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.Lease;
import org.stiefelsystem.nbd.export.Leases;
import org.stiefelsystem.nbd.export.RefusedException;
import org.stiefelsystem.nbd.server.GuestShutdown;
import org.stiefelsystem.nbd.server.NbdServer;

/** The admin API. */
@RestController
class ExportsController {

    private static final String NO_SUCH_EXPORT = "No export has this name.";

    /** Whoever stops the host says it again every half second, if he still lives. */
    private static final Duration CLOSED = Duration.ofSeconds(30);

    private static final Duration PATIENCE_WITH_GUEST = Duration.ofSeconds(2);

    private final Exports exports;
    private final NbdServer server;
    private final RunTimeExports runTimeExports;
    private final GuestShutdown guestShutdown;

    ExportsController(Exports exports, NbdServer server, RunTimeExports runTimeExports, GuestShutdown guestShutdown) {
        this.exports = exports;
        this.server = server;
        this.runTimeExports = runTimeExports;
        this.guestShutdown = guestShutdown;
    }

    /**
     * An export and how it is used right now.
     *
     * @param state {@code free}, {@code held} by a holder that is connected, {@code waiting} for a holder that is not, or
     *     {@code failed}: a sync failed, or a part of the disk is not there any more
     * @param failure why it has failed
     * @param offset of its first byte on the disk, when it is a part of one
     * @param partition which it is, when it is one
     * @param holder the address of whoever may write
     * @param bootId of a holder that is a guest
     * @param since when the holder was first let in
     * @param reconnects how often it came back
     * @param served false for a lease that is kept while nothing is served under its name
     * @param bytesUnflushed written, zeroed or trimmed and not flushed since
     * @param bytesWrittenByHolder since this service started
     */
    record ExportUse(
            String name,
            String path,
            long size,
            @Nullable Long offset,
            @Nullable Integer partition,
            boolean readOnly,
            boolean served,
            String state,
            @Nullable String failure,
            @Nullable String holder,
            @Nullable String bootId,
            @Nullable Instant since,
            int reconnects,
            int connections,
            long bytesRead,
            long bytesWritten,
            long bytesUnflushed,
            long bytesWrittenByHolder) {

        static ExportUse of(Export export, Leases leases) {
            Lease lease = leases.of(export.name());
            Lease.Holder holder = lease.holder();
            return new ExportUse(
                    export.name(),
                    export.path(),
                    export.size(),
                    export.part() instanceof DiskPart.Whole ? null : export.offset(),
                    export.part() instanceof DiskPart.Partition partition ? partition.number() : null,
                    export.readOnly(),
                    true,
                    export.failed() ? "failed" : lease.state().name().toLowerCase(Locale.ROOT),
                    export.failure(),
                    holder == null ? null : holder.address().text(),
                    holder == null ? null : holder.bootId(),
                    holder == null ? null : holder.since(),
                    holder == null ? 0 : holder.reconnects(),
                    lease.connections(),
                    export.bytesRead(),
                    export.bytesWritten(),
                    export.bytesUnflushed(),
                    leases.bytesWrittenByHolder(export));
        }

        static ExportUse notServed(String name, Lease.Holder holder) {
            return new ExportUse(
                    name,
                    "not served",
                    0,
                    null,
                    null,
                    false,
                    false,
                    Lease.State.WAITING.name().toLowerCase(Locale.ROOT),
                    null,
                    holder.address().text(),
                    holder.bootId(),
                    holder.since(),
                    holder.reconnects(),
                    0,
                    0,
                    0,
                    0,
                    0);
        }
    }

    /** What is to be served: {@link DiskPart#of} of a disk. */
    record NewExport(
            @Nullable String name,
            @Nullable String path,
            @Nullable Boolean readOnly,
            @Nullable Long offset,
            @Nullable Long size,
            @Nullable Integer partition) {}

    /** A boot that may ask for an export. */
    record Boot(@Nullable String bootId, @Nullable String export) {}

    /** Who had an export until now. */
    record BrokenLease(String holder, @Nullable String bootId) {}

    /** Whether a guest has answered that it shuts down. */
    record Asked(boolean answered) {}

    /** Whether boots and tools that have no export yet are let in. */
    record Admission(@Nullable Boolean open) {}

    /** Where to listen: {@code fe80::1%eth0}. */
    record Listen(@Nullable String address) {}

    @GetMapping("/exports")
    List<ExportUse> exports() {
        List<ExportUse> uses = new ArrayList<>();
        exports.all().forEach(export -> uses.add(ExportUse.of(export, exports.leases())));
        exports.leases().held().forEach((name, lease) -> {
            Lease.Holder holder = lease.holder();
            if (holder != null && exports.named(name).isEmpty()) {
                uses.add(ExportUse.notServed(name, holder));
            }
        });
        return uses;
    }

    @PostMapping("/exports")
    @ResponseStatus(HttpStatus.CREATED)
    ExportUse add(@RequestBody NewExport wanted) {
        String name = wanted.name();
        String path = wanted.path();
        Boolean readOnly = wanted.readOnly();
        if (name == null || path == null || path.isBlank() || readOnly == null) {
            throw problem(HttpStatus.BAD_REQUEST, "name and path are needed, and readOnly, which is true or false.");
        }
        try {
            DiskPart part = DiskPart.of(wanted.offset(), wanted.size(), wanted.partition());
            return ExportUse.of(runTimeExports.add(name, path, readOnly, part), exports.leases());
        } catch (RunTimeExports.OutsideException e) {
            throw problem(
                    HttpStatus.FORBIDDEN,
                    String.valueOf(e.getMessage()),
                    "Set stiefel.export.allow-paths where the service is started, or move the file.");
        } catch (RefusedException e) {
            throw problem(HttpStatus.CONFLICT, e.what(), e.remedy());
        } catch (IOException e) {
            throw problem(HttpStatus.INTERNAL_SERVER_ERROR, "It cannot be served: " + e.getMessage());
        }
    }

    /** Ends its connections as a stop does; refused while a guest has a lease of it. */
    @DeleteMapping("/exports")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void remove(@RequestParam("name") String name) {
        try {
            runTimeExports.remove(() -> served(name));
        } catch (RefusedException e) {
            throw problem(HttpStatus.CONFLICT, e.what(), e.remedy());
        }
    }

    /** Its file, device or partition has grown; those who are connected keep to the old size. */
    @PostMapping("/exports/grow")
    ExportUse grow(@RequestParam("name") String name) {
        try {
            return ExportUse.of(runTimeExports.grow(() -> served(name)), exports.leases());
        } catch (RefusedException e) {
            throw problem(HttpStatus.CONFLICT, e.what(), e.remedy());
        } catch (IOException e) {
            throw problem(HttpStatus.INTERNAL_SERVER_ERROR, "Its size cannot be had: " + e.getMessage());
        }
    }

    private Export served(String name) {
        return exports.named(name).orElseThrow(() -> problem(HttpStatus.NOT_FOUND, NO_SUCH_EXPORT));
    }

    @PostMapping("/boot-ids")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void register(@RequestBody Boot boot) throws IOException {
        String bootId = boot.bootId();
        String export = boot.export();
        if (bootId == null || export == null || !Leases.isBootId(bootId)) {
            throw problem(HttpStatus.BAD_REQUEST, "bootId is 32 hexadecimal digits in lower case; export is a name.");
        }
        if (exports.named(export).isEmpty()) {
            throw problem(HttpStatus.NOT_FOUND, NO_SUCH_EXPORT);
        }
        try {
            exports.leases().register(bootId, export);
        } catch (RefusedException e) {
            throw problem(HttpStatus.CONFLICT, e.what());
        }
    }

    /**
     * Takes the export from its holder, who is refused from now on. Answers who had it.
     *
     * @param shown the holder whom the person was shown: its boot id, or its address if it has none
     */
    @DeleteMapping("/lease")
    BrokenLease breakLease(@RequestParam("export") String export, @RequestParam("holder") String shown) {
        refuseUnknown(export);
        try {
            return switch (exports.leases().breakLease(export, shown)) {
                case Leases.Broken.Done done ->
                    new BrokenLease(
                            done.holder().address().text(), done.holder().bootId());
                case Leases.Broken.OfAnother other -> throw ofAnother(other.holder());
                case Leases.Broken.OfNobody nobody -> throw problem(HttpStatus.CONFLICT, "Nobody has this export.");
            };
        } catch (IOException e) {
            throw problem(
                    HttpStatus.INTERNAL_SERVER_ERROR,
                    "The lease is broken, but only until this service ends, since that could not be saved: "
                            + e.getMessage());
        }
    }

    private static ErrorResponseException ofAnother(Lease.Holder holder) {
        return problem(HttpStatus.CONFLICT, "%s has it now; nothing was done.".formatted(holder.words()));
    }

    /**
     * Asks the guest that has this export to shut down in order.
     *
     * @param shown the boot id of the guest that is meant
     */
    @PostMapping("/shutdown")
    Asked askToShutDown(@RequestParam("export") String export, @RequestParam("holder") String shown) {
        refuseUnknown(export);
        Lease.Holder holder = exports.leases().of(export).holder();
        if (holder == null || holder.bootId() == null) {
            throw problem(HttpStatus.CONFLICT, "No guest has this export.");
        }
        if (!holder.isCalled(shown)) {
            throw ofAnother(holder);
        }
        try {
            return new Asked(guestShutdown.ask(holder, PATIENCE_WITH_GUEST));
        } catch (IOException e) {
            // No way to its link: the cable may be out.
            return new Asked(false);
        }
    }

    /** The host is about to be stopped, or is not after all. Closed for half a minute, unless that is said again. */
    @PutMapping("/admission")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void admit(@RequestBody Admission admission) {
        Boolean open = admission.open();
        if (open == null) {
            throw problem(HttpStatus.BAD_REQUEST, "open is true or false.");
        }
        if (open) {
            exports.leases().reopen();
        } else {
            exports.leases().closeFor(CLOSED);
        }
    }

    /** The link that is served was made anew, and has another index, maybe another address. */
    @PutMapping("/listen")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void listen(@RequestBody Listen listen) {
        InetAddress address = linkLocal(listen.address());
        try {
            server.move(address);
        } catch (IOException e) {
            throw problem(HttpStatus.CONFLICT, String.valueOf(e.getMessage()));
        }
    }

    private static InetAddress linkLocal(@Nullable String text) {
        try {
            if (text != null
                    && text.contains("%")
                    && text.contains(":")
                    && InetAddress.getByName(text) instanceof Inet6Address address
                    && address.isLinkLocalAddress()
                    && address.getScopeId() != 0) {
                return address;
            }
        } catch (UnknownHostException e) {
            // Said below: no such link, or no address at all.
        }
        throw problem(HttpStatus.BAD_REQUEST, "address is an IPv6 link-local address with a link of this machine.");
    }

    private void refuseUnknown(String export) {
        if (exports.named(export).isEmpty() && !exports.leases().held().containsKey(export)) {
            throw problem(HttpStatus.NOT_FOUND, NO_SUCH_EXPORT);
        }
    }

    /** With what a person can do about it. */
    private static ErrorResponseException problem(HttpStatus status, String words, String remedy) {
        ProblemDetail detail = ProblemDetail.forStatusAndDetail(status, words);
        detail.setProperty("remedy", remedy);
        return new ErrorResponseException(status, detail, null);
    }

    private static ErrorResponseException problem(HttpStatus status, String words) {
        return new ErrorResponseException(status, ProblemDetail.forStatusAndDetail(status, words), null);
    }
}
