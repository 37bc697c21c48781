package org.stiefelsystem.payload.web;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.util.MimeTypeUtils;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestHeader;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.stiefelsystem.payload.BootFile;
import org.stiefelsystem.payload.BootId;
import org.stiefelsystem.payload.BootIdRegistrar;
import org.stiefelsystem.payload.BootSpec;
import org.stiefelsystem.payload.Boots;
import org.stiefelsystem.payload.GuestAddress;
import org.stiefelsystem.payload.MalformedReport;
import org.stiefelsystem.payload.PayloadManifest;
import org.stiefelsystem.payload.PayloadMeters;
import org.stiefelsystem.payload.PayloadSource;
import org.stiefelsystem.payload.PhaseReport;
import org.stiefelsystem.payload.UnknownBoot;

/** What a guest asks for on the link. */
@RestController
public class PayloadController {

    private static final Logger log = LoggerFactory.getLogger(PayloadController.class);

    private final PayloadSource source;
    private final PayloadManifest.Terms terms;
    private final BootIdRegistrar registrar;
    private final Boots boots;
    private final PayloadMeters meters;

    public PayloadController(
            PayloadSource source,
            PayloadManifest.Terms terms,
            BootIdRegistrar registrar,
            Boots boots,
            PayloadMeters meters) {
        this.source = source;
        this.terms = terms;
        this.registrar = registrar;
        this.boots = boots;
        this.meters = meters;
    }

    @GetMapping(
            path = "/manifest",
            produces = {MediaType.APPLICATION_JSON_VALUE, MediaType.TEXT_PLAIN_VALUE})
    ResponseEntity<Object> manifest(
            HttpServletRequest request,
            @RequestHeader(name = HttpHeaders.ACCEPT, defaultValue = MediaType.ALL_VALUE) String accept) {
        long began = System.nanoTime();
        BootSpec spec = source.bootSpec();
        BootId bootId = BootId.random();
        registrar.register(bootId, terms.export());
        String guest = GuestAddress.text(request.getRemoteAddr());
        boots.started(bootId, guest);
        log.info("Boot {} of {}: {}", bootId, guest, spec.kernel().path());
        PayloadManifest manifest = PayloadManifest.of(spec, terms, bootId);
        meters.answered("/manifest", Duration.ofNanos(System.nanoTime() - began));
        ResponseEntity.BodyBuilder answer = ResponseEntity.ok().header(HttpHeaders.CACHE_CONTROL, "no-store");
        return wantsText(accept)
                ? answer.contentType(MediaType.TEXT_PLAIN).body(manifest.lines())
                : answer.contentType(MediaType.APPLICATION_JSON).body(manifest);
    }

    @GetMapping("/kernel")
    void kernel(HttpServletRequest request, HttpServletResponse response) throws RangeNotSatisfiable {
        send("kernel", source.bootSpec().kernel(), request, response);
    }

    @GetMapping("/initrd")
    void initrd(HttpServletRequest request, HttpServletResponse response) throws RangeNotSatisfiable {
        send("initrd", source.bootSpec().initrd(), request, response);
    }

    @PostMapping("/phases")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void phases(HttpServletRequest request) throws IOException, MalformedReport, UnknownBoot {
        // The raw body, whatever its type is called: busybox wget says that it posts a form.
        PhaseReport report = PhaseReport.decode(request.getInputStream().readNBytes(PhaseReport.MAX_BYTES + 1));
        boots.report(report);
        meters.report(report);
        log.info("Boot {}: {}", report.bootId(), words(report));
    }

    private void send(String name, BootFile file, HttpServletRequest request, HttpServletResponse response)
            throws RangeNotSatisfiable {
        long began = System.nanoTime();
        long bytes = new FileBody(file).send(request, response);
        meters.delivered(name, bytes);
        meters.answered("/" + name, Duration.ofNanos(System.nanoTime() - began));
    }

    private static String words(PhaseReport report) {
        String reached = report.phases().stream()
                .map(phase -> phase.phase().word() + " " + phase.seconds() + " s")
                .collect(Collectors.joining(", "));
        return report.failed() == null ? reached : reached + "; failed: " + report.failed();
    }

    /** JSON, unless text is asked for more precisely or first. */
    private static boolean wantsText(String accept) {
        List<MediaType> wanted = MediaType.parseMediaTypes(accept);
        MimeTypeUtils.sortBySpecificity(wanted);
        for (MediaType type : wanted) {
            if (type.includes(MediaType.APPLICATION_JSON)) {
                return false;
            }
            if (type.includes(MediaType.TEXT_PLAIN)) {
                return true;
            }
        }
        return false;
    }
}
