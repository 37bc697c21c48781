package org.stiefelsystem.payload.web;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.servlet.mvc.method.annotation.ResponseEntityExceptionHandler;
import org.stiefelsystem.payload.MalformedReport;
import org.stiefelsystem.payload.PayloadUnavailable;
import org.stiefelsystem.payload.RegistrationFailed;
import org.stiefelsystem.payload.UnknownBoot;

/** The one place where what went wrong becomes an HTTP status. */
@RestControllerAdvice
public class PayloadProblems extends ResponseEntityExceptionHandler {

    private static final Logger log = LoggerFactory.getLogger(PayloadProblems.class);

    @ExceptionHandler
    ProblemDetail unavailable(PayloadUnavailable e) {
        log.warn("{}. {}", e.getMessage(), e.remedy());
        return ProblemDetail.forStatusAndDetail(
                HttpStatus.SERVICE_UNAVAILABLE, "The host has no payload right now; its log says why.");
    }

    @ExceptionHandler
    ProblemDetail unregistered(RegistrationFailed e) {
        log.warn("No boot started: {}", e.getMessage());
        return ProblemDetail.forStatusAndDetail(
                HttpStatus.SERVICE_UNAVAILABLE,
                "The host's block export takes no boot now, so there is no disk to boot; its log says why.");
    }

    @ExceptionHandler
    ProblemDetail malformed(MalformedReport e) {
        return ProblemDetail.forStatusAndDetail(HttpStatus.BAD_REQUEST, e.getMessage());
    }

    @ExceptionHandler
    ProblemDetail unknown(UnknownBoot e) {
        return ProblemDetail.forStatusAndDetail(HttpStatus.NOT_FOUND, e.getMessage());
    }

    @ExceptionHandler
    ResponseEntity<ProblemDetail> range(RangeNotSatisfiable e) {
        return ResponseEntity.status(HttpStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
                .header(HttpHeaders.CONTENT_RANGE, "bytes */" + e.size())
                .body(ProblemDetail.forStatusAndDetail(HttpStatus.REQUESTED_RANGE_NOT_SATISFIABLE, e.getMessage()));
    }
}
