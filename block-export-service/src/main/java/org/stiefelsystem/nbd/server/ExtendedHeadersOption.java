package org.stiefelsystem.nbd.server;

import java.io.IOException;
import org.stiefelsystem.nbd.protocol.HeaderStyle;
import org.stiefelsystem.nbd.protocol.NbdOption;
import org.stiefelsystem.nbd.protocol.OptionReply;

/** NBD_OPT_EXTENDED_HEADERS: once; takes the place of structured replies (proto.md, "Option types"). */
final class ExtendedHeadersOption {

    private ExtendedHeadersOption() {}

    static Outcome answer(Haggling haggling) throws IOException {
        int option = NbdOption.EXTENDED_HEADERS.code();
        switch (haggling.style()) {
            case SIMPLE, STRUCTURED -> {
                haggling.agreeOn(HeaderStyle.EXTENDED);
                haggling.reply(OptionReply.ack(option));
            }
            case EXTENDED -> haggling.refuse(option, OptionReply.Type.ERR_INVALID, "this was agreed before");
        }
        return new Outcome.NextOption();
    }
}
