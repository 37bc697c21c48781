package org.stiefelsystem.payload;

/**
 * Tells the block export which boots it may admit. In the all-in-one this is a call to the export's own bean; else it is
 * a request to its admin API.
 */
@FunctionalInterface
public interface BootIdRegistrar {

    /**
     * After this the export admits {@code <export>@<boot id>}.
     *
     * @throws RegistrationFailed when the export cannot be told; the guest then gets no manifest
     */
    void register(BootId bootId, String export);
}
