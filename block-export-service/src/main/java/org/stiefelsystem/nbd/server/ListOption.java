package org.stiefelsystem.nbd.server;

import java.io.IOException;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.protocol.NbdOption;
import org.stiefelsystem.nbd.protocol.OptionReply;

/** NBD_OPT_LIST: one NBD_REP_SERVER for each export (proto.md, "Option types"). */
final class ListOption {

    private ListOption() {}

    static Outcome answer(Haggling haggling) throws IOException {
        for (Export export : haggling.exports().all()) {
            haggling.reply(OptionReply.server(export.name()));
        }
        haggling.reply(OptionReply.ack(NbdOption.LIST.code()));
        return new Outcome.NextOption();
    }
}
