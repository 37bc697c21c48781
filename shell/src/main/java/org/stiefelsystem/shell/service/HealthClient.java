package org.stiefelsystem.shell.service;

import org.springframework.web.service.annotation.GetExchange;

/** The health endpoint that every service has. */
public interface HealthClient {

    @GetExchange("/actuator/health")
    Health health();

    /** {@code UP}, {@code DOWN}, {@code OUT_OF_SERVICE} or {@code UNKNOWN}. */
    record Health(String status) {}
}
