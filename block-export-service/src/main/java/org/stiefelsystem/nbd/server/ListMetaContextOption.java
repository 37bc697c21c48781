package org.stiefelsystem.nbd.server;

import java.io.IOException;
import org.stiefelsystem.nbd.protocol.MetaContext;
import org.stiefelsystem.nbd.protocol.MetaContextQuery;
import org.stiefelsystem.nbd.protocol.NbdOption;
import org.stiefelsystem.nbd.protocol.OptionReply;
import org.stiefelsystem.nbd.protocol.OptionRequest;

/** NBD_OPT_LIST_META_CONTEXT: what may be selected; changes nothing (proto.md, "Option types"). */
final class ListMetaContextOption {

    /** proto.md: "reserved and SHOULD be set to zero". */
    private static final int NO_ID = 0;

    private ListMetaContextOption() {}

    static Outcome answer(OptionRequest.ListMetaContext request, Haggling haggling) throws IOException {
        int option = NbdOption.LIST_META_CONTEXT.code();
        MetaContextQuery query = request.query();
        if (!haggling.style().hasChunks()) {
            haggling.refuse(option, OptionReply.Type.ERR_INVALID, "structured replies come first");
        } else if (haggling.find(option, query.exportName()).isPresent()) {
            for (MetaContext context : MetaContext.listedBy(query.queries())) {
                haggling.reply(OptionReply.metaContext(option, NO_ID, context.contextName()));
            }
            haggling.reply(OptionReply.ack(option));
        }
        return new Outcome.NextOption();
    }
}
