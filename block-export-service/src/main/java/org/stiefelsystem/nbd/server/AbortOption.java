package org.stiefelsystem.nbd.server;

import java.io.IOException;
import org.stiefelsystem.nbd.protocol.NbdOption;
import org.stiefelsystem.nbd.protocol.OptionReply;

/** NBD_OPT_ABORT: acknowledged always (proto.md, "Option types"). */
final class AbortOption {

    private AbortOption() {}

    static Outcome answer(Haggling haggling) throws IOException {
        haggling.reply(OptionReply.ack(NbdOption.ABORT.code()));
        return new Outcome.Goodbye();
    }
}
