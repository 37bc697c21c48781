package org.stiefelsystem.nbd.server;

import java.io.IOException;
import java.util.Optional;
import org.stiefelsystem.nbd.export.BlockSizes;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.protocol.ExportQuery;
import org.stiefelsystem.nbd.protocol.InfoReply;
import org.stiefelsystem.nbd.protocol.NbdOption;
import org.stiefelsystem.nbd.protocol.OptionReply;
import org.stiefelsystem.nbd.protocol.OptionRequest;

/** NBD_OPT_INFO: the same answers as GO, without going (proto.md, "Option types"). */
final class InfoOption {

    private InfoOption() {}

    static Outcome answer(OptionRequest.Info request, Haggling haggling) throws IOException {
        int option = NbdOption.INFO.code();
        Optional<Exports.Answer.Found> found =
                haggling.find(option, request.query().name());
        if (found.isPresent()) {
            describe(option, request.query(), found.get(), haggling);
        }
        return new Outcome.NextOption();
    }

    /** What INFO and GO have in common: all that is known, ended by the acknowledgement. */
    static void describe(int option, ExportQuery query, Exports.Answer.Found found, Haggling haggling)
            throws IOException {
        Export export = found.export();
        BlockSizes sizes = export.blockSizes();
        haggling.reply(
                OptionReply.info(option, new InfoReply.Export(export.size(), haggling.flags(query.name(), found))));
        if (query.informationRequests().contains(InfoReply.NBD_INFO_NAME)) {
            haggling.reply(OptionReply.info(option, new InfoReply.Name(export.name())));
        }
        if (query.informationRequests().contains(InfoReply.NBD_INFO_DESCRIPTION)) {
            haggling.reply(OptionReply.info(option, new InfoReply.Description(export.path())));
        }
        haggling.reply(OptionReply.info(
                option,
                new InfoReply.BlockSize(
                        sizes.minimum(), sizes.preferred(), haggling.limits().requestBytes())));
        haggling.reply(OptionReply.ack(option));
    }
}
