package org.stiefelsystem.nbd.server;

import java.io.IOException;
import java.util.Optional;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.Leases;
import org.stiefelsystem.nbd.protocol.ExportQuery;
import org.stiefelsystem.nbd.protocol.InfoReply;
import org.stiefelsystem.nbd.protocol.NbdOption;
import org.stiefelsystem.nbd.protocol.OptionReply;
import org.stiefelsystem.nbd.protocol.OptionRequest;

/** NBD_OPT_GO: the way in, with reasons where it is closed (proto.md, "Option types"). */
final class GoOption {

    private GoOption() {}

    static Outcome answer(OptionRequest.Go request, Haggling haggling) throws IOException {
        int option = NbdOption.GO.code();
        ExportQuery query = request.query();
        Optional<Exports.Answer.Found> asked = haggling.find(option, query.name());
        if (asked.isEmpty()) {
            return new Outcome.NextOption();
        }
        Exports.Answer.Found found = asked.get();
        boolean keepsToBlocks = query.informationRequests().contains(InfoReply.NBD_INFO_BLOCK_SIZE);
        return switch (haggling.take(found)) {
            case Leases.Answer.Granted granted ->
                new Outcome.Agreed(haggling.enter(
                        query.name(), found, keepsToBlocks, () -> InfoOption.describe(option, query, found, haggling)));
            case Leases.Answer.Refused refused -> {
                haggling.refuse(option, OptionReply.Type.ERR_POLICY, refused.words());
                yield new Outcome.NextOption();
            }
            case Leases.Answer.NotNow notNow -> {
                haggling.refuse(option, Haggling.NOT_NOW, notNow.words());
                yield new Outcome.NextOption();
            }
            case Leases.Answer.Abandoned abandoned -> throw new HandshakeAbandonedException(abandoned.why());
        };
    }
}
