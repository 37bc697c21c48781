package org.stiefelsystem.nbd.app;

import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.web.ErrorResponseException;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.stiefelsystem.nbd.export.BootIds;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.PeerAddress;

/** The admin API. */
@RestController
class ExportsController {

    private final Exports exports;
    private final BootIds bootIds;

    ExportsController(Exports exports, BootIds bootIds) {
        this.exports = exports;
        this.bootIds = bootIds;
    }

    /** An export and how it is used right now. */
    record ExportUse(
            String name,
            String path,
            long size,
            boolean readOnly,
            int connections,
            @Nullable String holder,
            long bytesRead,
            long bytesWritten,
            String state) {

        static ExportUse of(Export export) {
            PeerAddress holder = export.lease().holder();
            return new ExportUse(
                    export.name(),
                    export.path(),
                    export.size(),
                    export.readOnly(),
                    export.lease().connections(),
                    holder == null ? null : holder.text(),
                    export.bytesRead(),
                    export.bytesWritten(),
                    export.failed() ? "failed" : holder == null ? "free" : "held");
        }
    }

    /** A boot that may ask for an export. */
    record Boot(@Nullable String bootId, @Nullable String export) {}

    @GetMapping("/exports")
    List<ExportUse> exports() {
        return exports.all().stream().map(ExportUse::of).toList();
    }

    @PostMapping("/boot-ids")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void register(@RequestBody Boot boot) throws IOException {
        String bootId = boot.bootId();
        String export = boot.export();
        if (bootId == null || export == null || !BootIds.isBootId(bootId)) {
            throw problem(HttpStatus.BAD_REQUEST, "bootId is 32 hexadecimal digits in lower case; export is a name.");
        }
        if (exports.named(export).isEmpty()) {
            throw problem(HttpStatus.NOT_FOUND, "No export has this name.");
        }
        bootIds.register(bootId, export);
    }

    private static ErrorResponseException problem(HttpStatus status, String words) {
        return new ErrorResponseException(status, ProblemDetail.forStatusAndDetail(status, words), null);
    }
}
