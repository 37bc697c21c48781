package org.stiefelsystem.nbd.protocol;

import java.nio.ByteBuffer;
import java.util.Optional;

/** One option with its data, as the client asked for it (proto.md, "Option types"). */
public sealed interface OptionRequest {

    /** NBD_OPT_EXPORT_NAME: the old way in; has no way to say no but to close. */
    record ExportName(String name) implements OptionRequest {}

    /** NBD_OPT_ABORT: goodbye, whatever data came with it. */
    record Abort() implements OptionRequest {}

    /** NBD_OPT_LIST. */
    record List() implements OptionRequest {}

    /** NBD_OPT_STARTTLS. */
    record StartTls() implements OptionRequest {}

    /** NBD_OPT_INFO: what GO would answer, without going. */
    record Info(ExportQuery query) implements OptionRequest {}

    /** NBD_OPT_GO: transmission begins after the acknowledgement. */
    record Go(ExportQuery query) implements OptionRequest {}

    /** NBD_OPT_STRUCTURED_REPLY. */
    record StructuredReply() implements OptionRequest {}

    /** NBD_OPT_LIST_META_CONTEXT. */
    record ListMetaContext(MetaContextQuery query) implements OptionRequest {}

    /** NBD_OPT_SET_META_CONTEXT. */
    record SetMetaContext(MetaContextQuery query) implements OptionRequest {}

    /** NBD_OPT_EXTENDED_HEADERS. */
    record ExtendedHeaders() implements OptionRequest {}

    /** A known option with data that does not have its form. */
    record Malformed(NbdOption option, String why) implements OptionRequest {}

    /** A known option with more data than this server reads; the data was skipped. */
    record TooLong(NbdOption option, long length) implements OptionRequest {}

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
                case EXPORT_NAME -> new ExportName(Text.decode(in, in.remaining(), "name"));
                case ABORT -> new Abort();
                case LIST -> withoutData(option, in.remaining(), new List());
                case STARTTLS -> withoutData(option, in.remaining(), new StartTls());
                case INFO -> new Info(ExportQuery.decode(in));
                case GO -> new Go(ExportQuery.decode(in));
                case STRUCTURED_REPLY -> withoutData(option, in.remaining(), new StructuredReply());
                case LIST_META_CONTEXT -> new ListMetaContext(MetaContextQuery.decode(in));
                case SET_META_CONTEXT -> new SetMetaContext(MetaContextQuery.decode(in));
                case EXTENDED_HEADERS -> withoutData(option, in.remaining(), new ExtendedHeaders());
            };
        } catch (MalformedOption e) {
            return new Malformed(option, String.valueOf(e.getMessage()));
        }
    }

    /** An option whose data was too long to be looked at. */
    static OptionRequest skipped(int code, long length) {
        Optional<NbdOption> known = NbdOption.ofCode(code);
        if (known.isEmpty()) {
            return new Unknown(code, length);
        }
        NbdOption option = known.get();
        return switch (option) {
            case ABORT -> new Abort();
            case LIST, STARTTLS, STRUCTURED_REPLY, EXTENDED_HEADERS -> unexpectedData(option, length);
            case EXPORT_NAME, INFO, GO, LIST_META_CONTEXT, SET_META_CONTEXT -> new TooLong(option, length);
        };
    }

    private static OptionRequest withoutData(NbdOption option, long length, OptionRequest request) {
        return length == 0 ? request : unexpectedData(option, length);
    }

    private static Malformed unexpectedData(NbdOption option, long length) {
        return new Malformed(option, "%d bytes follow where none belong".formatted(length));
    }
}
