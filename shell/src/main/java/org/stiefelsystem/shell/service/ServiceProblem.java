package org.stiefelsystem.shell.service;

import org.springframework.web.client.RestClientException;
import org.stiefelsystem.shell.CommandFailure;

/** A service has answered that it does not do what it was asked to. */
final class ServiceProblem extends RestClientException {

    private static final long serialVersionUID = 1;

    private final int status;
    private final String detail;
    private final transient CommandFailure failure;

    /**
     * With what the service says of it.
     *
     * @param detail of its problem document, or empty
     */
    ServiceProblem(int status, String detail, CommandFailure failure) {
        super(detail);
        this.status = status;
        this.detail = detail;
        this.failure = failure;
    }

    /** What was asked does not go with how things are now. */
    boolean isConflict() {
        return status == 409;
    }

    String detail() {
        return detail;
    }

    CommandFailure failure() {
        return failure;
    }
}
