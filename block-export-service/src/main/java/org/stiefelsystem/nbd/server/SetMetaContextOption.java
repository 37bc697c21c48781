package org.stiefelsystem.nbd.server;

import java.io.IOException;
import java.util.Set;
import org.stiefelsystem.nbd.protocol.MetaContext;
import org.stiefelsystem.nbd.protocol.MetaContextQuery;
import org.stiefelsystem.nbd.protocol.NbdOption;
import org.stiefelsystem.nbd.protocol.OptionReply;
import org.stiefelsystem.nbd.protocol.OptionRequest;

/**
 * NBD_OPT_SET_META_CONTEXT: the last one counts, also when it fails, which {@link Handshake} sees to where it has not
 * even its form (proto.md, "Option types").
 */
final class SetMetaContextOption {

    private SetMetaContextOption() {}

    static Outcome answer(OptionRequest.SetMetaContext request, Haggling haggling) throws IOException {
        int option = NbdOption.SET_META_CONTEXT.code();
        MetaContextQuery query = request.query();
        haggling.deselect();
        if (!haggling.style().hasChunks()) {
            haggling.refuse(option, OptionReply.Type.ERR_INVALID, "structured replies come first");
        } else if (haggling.find(option, query.exportName()).isPresent()) {
            Set<MetaContext> contexts = MetaContext.selectedBy(query.queries());
            haggling.select(query.exportName(), contexts);
            for (MetaContext context : contexts) {
                haggling.reply(OptionReply.metaContext(option, context.id(), context.contextName()));
            }
            haggling.reply(OptionReply.ack(option));
        }
        return new Outcome.NextOption();
    }
}
