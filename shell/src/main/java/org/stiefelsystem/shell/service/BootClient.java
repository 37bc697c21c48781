package org.stiefelsystem.shell.service;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.web.service.annotation.GetExchange;

/** The admin API of the payload service. */
public interface BootClient {

    /** Newest first. */
    @GetExchange("/boots")
    List<Boot> boots();

    /**
     * One boot of one guest.
     *
     * @param failed what the guest said when it gave up, or null
     */
    record Boot(
            String bootId,
            String guest,
            String started,
            List<Phase> phases,
            @Nullable String failed) {}

    /** A phase and the seconds since the guest's first kernel started. */
    record Phase(String phase, double seconds, String received) {}
}
