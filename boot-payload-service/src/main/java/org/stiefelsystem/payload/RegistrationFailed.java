package org.stiefelsystem.payload;

import org.jspecify.annotations.Nullable;

/** The block export does not know a new boot, so the guest must not start it. */
public final class RegistrationFailed extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public RegistrationFailed(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
