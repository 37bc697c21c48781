package org.stiefelsystem.nbd.protocol;

import java.util.Optional;

/** The options that this server knows, and answers (proto.md, "Option types"). */
public enum NbdOption {
    EXPORT_NAME(1),
    ABORT(2),
    LIST(3),
    STARTTLS(5),
    INFO(6),
    GO(7),
    STRUCTURED_REPLY(8),
    LIST_META_CONTEXT(9),
    SET_META_CONTEXT(10),
    EXTENDED_HEADERS(11);

    private static final NbdOption[] ALL = values();

    private final int code;

    NbdOption(int code) {
        this.code = code;
    }

    public int code() {
        return code;
    }

    /** The option with this code; empty for one that a newer client may know. */
    public static Optional<NbdOption> ofCode(int code) {
        for (NbdOption option : ALL) {
            if (option.code == code) {
                return Optional.of(option);
            }
        }
        return Optional.empty();
    }
}
