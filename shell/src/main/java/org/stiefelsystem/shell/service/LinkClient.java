package org.stiefelsystem.shell.service;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.web.service.annotation.GetExchange;

/** The admin API of discovery. */
public interface LinkClient {

    @GetExchange("/links")
    List<Link> links();

    /**
     * One network interface as the service tells it.
     *
     * @param speed bytes per second, or null where its driver tells none
     * @param listening where the services listen on it, or null
     * @param waitingFor the services that have not followed the link to its new address yet
     * @param since when it came into its state
     */
    record Link(
            String name,
            int index,
            @Nullable String mac,
            String state,
            int mtu,
            @Nullable Long speed,
            List<String> addresses,
            @Nullable String kind,
            boolean served,
            @Nullable String listening,
            List<String> waitingFor,
            String since) {}
}
