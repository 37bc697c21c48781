package org.stiefelsystem.nbd.server;

import java.io.IOException;
import org.stiefelsystem.nbd.protocol.HeaderStyle;
import org.stiefelsystem.nbd.protocol.NbdOption;
import org.stiefelsystem.nbd.protocol.OptionReply;

/** NBD_OPT_STRUCTURED_REPLY: once, and not after extended headers, which include it (proto.md, "Option types"). */
final class StructuredReplyOption {

    private StructuredReplyOption() {}

    static Outcome answer(Haggling haggling) throws IOException {
        int option = NbdOption.STRUCTURED_REPLY.code();
        switch (haggling.style()) {
            case SIMPLE -> {
                haggling.agreeOn(HeaderStyle.STRUCTURED);
                haggling.reply(OptionReply.ack(option));
            }
            case STRUCTURED -> haggling.refuse(option, OptionReply.Type.ERR_INVALID, "this was agreed before");
            case EXTENDED ->
                haggling.refuse(
                        option, OptionReply.Type.ERR_EXT_HEADER_REQD, "extended headers were agreed, and stay agreed");
        }
        return new Outcome.NextOption();
    }
}
