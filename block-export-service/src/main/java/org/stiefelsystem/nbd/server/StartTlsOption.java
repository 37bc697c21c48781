package org.stiefelsystem.nbd.server;

import java.io.IOException;
import org.stiefelsystem.nbd.protocol.NbdOption;
import org.stiefelsystem.nbd.protocol.OptionReply;

/** NBD_OPT_STARTTLS: this server has no TLS, and what was agreed before stays agreed (proto.md, "NOTLS mode"). */
final class StartTlsOption {

    private StartTlsOption() {}

    static Outcome answer(Haggling haggling) throws IOException {
        haggling.refuse(NbdOption.STARTTLS.code(), OptionReply.Type.ERR_UNSUP, "this server has no TLS");
        return new Outcome.NextOption();
    }
}
