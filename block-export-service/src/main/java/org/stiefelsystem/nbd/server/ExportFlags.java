package org.stiefelsystem.nbd.server;

import java.util.EnumSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.protocol.HeaderStyle;
import org.stiefelsystem.nbd.protocol.MetaContext;
import org.stiefelsystem.nbd.protocol.TransmissionFlag;

/** What is said of an export in the handshake (proto.md, "Transmission flags"). */
final class ExportFlags {

    private ExportFlags() {}

    /**
     * CAN_MULTI_CONN: all connections share one open file, so a flush on one covers the writes of all. Not for a boot that
     * writes, whose second connection would end its first.
     */
    static Set<TransmissionFlag> of(
            Export export, @Nullable String bootId, HeaderStyle style, Set<MetaContext> contexts) {
        Set<TransmissionFlag> flags = EnumSet.of(
                TransmissionFlag.HAS_FLAGS,
                TransmissionFlag.SEND_FLUSH,
                TransmissionFlag.SEND_FUA,
                TransmissionFlag.SEND_CACHE);
        if (bootId == null || export.readOnly()) {
            flags.add(TransmissionFlag.CAN_MULTI_CONN);
        }
        if (export.readOnly()) {
            flags.add(TransmissionFlag.READ_ONLY);
        } else {
            flags.add(TransmissionFlag.SEND_TRIM);
            flags.add(TransmissionFlag.SEND_WRITE_ZEROES);
            flags.add(TransmissionFlag.SEND_FAST_ZERO);
        }
        if (export.rotational()) {
            flags.add(TransmissionFlag.ROTATIONAL);
        }
        if (style.hasChunks()) {
            flags.add(TransmissionFlag.SEND_DF);
        }
        if (style == HeaderStyle.EXTENDED && !contexts.isEmpty()) {
            flags.add(TransmissionFlag.BLOCK_STATUS_PAYLOAD);
        }
        return flags;
    }
}
