package org.stiefelsystem.shell.status;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.shell.ServerNote;
import org.stiefelsystem.shell.service.BootClient;
import org.stiefelsystem.shell.service.ExportClient;

/**
 * Everything that {@code status} knows, and the document that {@code status --json} prints.
 *
 * @param server the all-in-one that runs here, or null
 * @param guests the addresses that hold an export or booted since the services started
 * @param lastBoot the newest boot, or null before the first
 */
record Status(
        @Nullable ServerNote server,
        List<Service> services,
        List<ExportClient.Export> exports,
        List<Guest> guests,
        BootClient.@Nullable Boot lastBoot) {

    boolean isNothingRunning() {
        return services.stream().noneMatch(Service::isReachable);
    }

    /**
     * A service and how it feels.
     *
     * @param state {@code up}, {@code down}, {@code not running} or, when another program listens there, {@code not ours}
     */
    record Service(String name, String state, String address) {

        static final String NOT_RUNNING = "not running";

        static final String NOT_OURS = "not ours";

        boolean isReachable() {
            return !state.equals(NOT_RUNNING) && !state.equals(NOT_OURS);
        }
    }

    /**
     * A guest that has been seen.
     *
     * @param phase the last that it reported
     * @param holds the exports that it writes to
     */
    record Guest(String address, int boots, String phase, List<String> holds) {}
}
