package org.stiefelsystem.payload.web;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpRange;
import org.stiefelsystem.payload.BootFile;

/**
 * A file as the body of an answer (RFC 9110, sections 13 and 14), sent by Tomcat with sendfile(2): no byte of it passes
 * through Java. Tomcat opens the file once per answer, so that a body is of one file even when a kernel upgrade renames
 * another over it; that the parts of a fetch belong together is what the strong ETag and If-Range are for.
 */
final class FileBody {

    // What Tomcat's connectors agree on, see org.apache.coyote.Constants.
    private static final String SENDFILE = "org.apache.tomcat.sendfile.";

    private final BootFile file;
    private final String etag;

    FileBody(BootFile file) {
        this.file = file;
        this.etag = '"' + file.sha256() + '"';
    }

    /** Writes the head and leaves the body to Tomcat. Returns the number of bytes that it will send. */
    long send(HttpServletRequest request, HttpServletResponse response) throws RangeNotSatisfiable {
        response.setHeader(HttpHeaders.ETAG, etag);
        response.setHeader(HttpHeaders.ACCEPT_RANGES, "bytes");
        response.setHeader(HttpHeaders.CACHE_CONTROL, "no-cache");
        if (etag.equals(request.getHeader(HttpHeaders.IF_NONE_MATCH))) {
            response.setStatus(HttpServletResponse.SC_NOT_MODIFIED);
            return 0;
        }
        boolean head = request.getMethod().equals("HEAD");
        HttpRange range = head ? null : range(request);
        long start = 0;
        long end = file.size();
        if (range != null) {
            start = range.getRangeStart(file.size());
            end = range.getRangeEnd(file.size()) + 1;
            if (start >= file.size()) {
                throw new RangeNotSatisfiable(file.size());
            }
            response.setStatus(HttpServletResponse.SC_PARTIAL_CONTENT);
            response.setHeader(HttpHeaders.CONTENT_RANGE, "bytes " + start + "-" + (end - 1) + "/" + file.size());
        }
        response.setContentType("application/octet-stream");
        response.setContentLengthLong(end - start);
        if (head) {
            return 0;
        }
        if (!Boolean.TRUE.equals(request.getAttribute(SENDFILE + "support"))) {
            throw new IllegalStateException("This connector has no sendfile");
        }
        request.setAttribute(SENDFILE + "filename", file.path().toString());
        request.setAttribute(SENDFILE + "start", start);
        request.setAttribute(SENDFILE + "end", end);
        return end - start;
    }

    /** The one range asked for, or null for the whole: also where ranges are malformed or more than one. */
    private @Nullable HttpRange range(HttpServletRequest request) {
        String ifRange = request.getHeader(HttpHeaders.IF_RANGE);
        if (ifRange != null && !ifRange.equals(etag)) {
            return null;
        }
        try {
            List<HttpRange> ranges = HttpRange.parseRanges(request.getHeader(HttpHeaders.RANGE));
            return ranges.size() == 1 ? ranges.getFirst() : null;
        } catch (IllegalArgumentException e) {
            return null;
        }
    }
}
