package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;
import java.util.Optional;

/** One option with its data, as the client asked for it. */
public sealed interface OptionRequest {

    /** NBD_OPT_EXPORT_NAME: the old way in; has no way to say no but to close. */
    record ExportName(String name) implements OptionRequest {}

    /** NBD_OPT_ABORT: goodbye, whatever data came with it. */
    record Abort() implements OptionRequest {}

    /** NBD_OPT_LIST. */
    record List() implements OptionRequest {}

    /** NBD_OPT_INFO: what GO would answer, without going. */
    record Info(ExportQuery query) implements OptionRequest {}

    /** NBD_OPT_GO: transmission begins after the acknowledgement. */
    record Go(ExportQuery query) implements OptionRequest {}

    /** A known option with data that does not have its form. */
    record Malformed(NbdOption option, String why) implements OptionRequest {}

    /** An option that this server does not know. */
    record Unknown(int option, long length) implements OptionRequest {}

    /** Decodes all of {@code in}, which is exactly the option's data. */
    static OptionRequest decode(int code, ByteBuffer in) {
        Optional<NbdOption> known = NbdOption.ofCode(code);
        if (known.isEmpty()) {
            return new Unknown(code, in.remaining());
        }
        NbdOption option = known.get();
        try {
            return switch (option) {
                case EXPORT_NAME -> new ExportName(ExportQuery.name(in, in.remaining()));
                case ABORT -> new Abort();
                case LIST ->
                    in.hasRemaining()
                            ? new Malformed(option, "%d bytes follow where none belong".formatted(in.remaining()))
                            : new List();
                case INFO -> new Info(ExportQuery.decode(in));
                case GO -> new Go(ExportQuery.decode(in));
            };
        } catch (ExportQuery.MalformedOption e) {
            return new Malformed(option, String.valueOf(e.getMessage()));
        }
    }
}
