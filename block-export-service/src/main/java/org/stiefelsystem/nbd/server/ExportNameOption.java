package org.stiefelsystem.nbd.server;

import java.io.IOException;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.Leases;
import org.stiefelsystem.nbd.protocol.ExportNameReply;
import org.stiefelsystem.nbd.protocol.HeaderStyle;
import org.stiefelsystem.nbd.protocol.OptionRequest;
import org.stiefelsystem.nbd.protocol.ProtocolViolation;

/** NBD_OPT_EXPORT_NAME, the only option that cannot be refused with a reply (proto.md, "Option types"). */
final class ExportNameOption {

    private ExportNameOption() {}

    static Outcome answer(OptionRequest.ExportName request, boolean zeroes, Haggling haggling) throws IOException {
        if (haggling.style() == HeaderStyle.EXTENDED) {
            throw new ProtocolViolation("NBD_OPT_EXPORT_NAME after NBD_OPT_EXTENDED_HEADERS");
        }
        String name = request.name();
        Exports.Answer.Found found = switch (haggling.ask(name)) {
            case Exports.Answer.Found answer -> answer;
            case Exports.Answer.Unknown unknown -> throw new ProtocolViolation(unknown.words());
            case Exports.Answer.Refused refused -> throw new ProtocolViolation(refused.words());
            case Exports.Answer.NotNow notNow -> throw new HandshakeAbandonedException(notNow.words());
        };
        return switch (haggling.take(found)) {
            case Leases.Answer.Granted granted ->
                new Outcome.Agreed(haggling.enter(
                        name,
                        found,
                        false,
                        () -> haggling.send(new ExportNameReply(
                                found.export().size(), haggling.flags(name, found), zeroes)::encode)));
            case Leases.Answer.Refused refused -> throw new ProtocolViolation(refused.words());
            case Leases.Answer.NotNow notNow -> throw new HandshakeAbandonedException(notNow.words());
            case Leases.Answer.Abandoned abandoned -> throw new HandshakeAbandonedException(abandoned.why());
        };
    }
}
