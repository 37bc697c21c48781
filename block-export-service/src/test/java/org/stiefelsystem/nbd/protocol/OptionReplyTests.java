package org.stiefelsystem.nbd.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.stiefelsystem.nbd.Hex;

class OptionReplyTests {

    private static final Set<TransmissionFlag> FLAGS =
            EnumSet.of(TransmissionFlag.HAS_FLAGS, TransmissionFlag.SEND_FLUSH, TransmissionFlag.CAN_MULTI_CONN);

    @Test
    void greeting() {
        assertThat(Hex.written(Greeting.fixedNewstyle()::encode))
                .isEqualTo(Hex.bytes(
                        "4e42444d41474943", // NBDMAGIC
                        "49484156454f5054", // IHAVEOPT
                        "0003")); // FIXED_NEWSTYLE, NO_ZEROES
    }

    @Test
    void ack() {
        assertThat(Hex.written(OptionReply.ack(7)::encode))
                .isEqualTo(Hex.bytes(
                        "0003e889045565a9", // magic
                        "00000007", // option
                        "00000001", // ACK
                        "00000000")); // length
    }

    @Test
    void error() {
        assertThat(Hex.written(OptionReply.error(0x1234, OptionReply.Type.ERR_POLICY, "no")::encode))
                .isEqualTo(Hex.bytes(
                        "0003e889045565a9", // magic
                        "00001234", // option
                        "80000002", // ERR_POLICY
                        "00000002", // length
                        "6e6f")); // no
    }

    @Test
    void server() {
        assertThat(Hex.written(OptionReply.server("root")::encode))
                .isEqualTo(Hex.bytes(
                        "0003e889045565a9", // magic
                        "00000003", // option: LIST
                        "00000002", // SERVER
                        "00000008", // length
                        "00000004", // length of the name
                        "726f6f74")); // root
    }

    @Test
    void metaContext() {
        assertThat(Hex.written(OptionReply.metaContext(10, 1, "base:allocation")::encode))
                .isEqualTo(Hex.bytes(
                        "0003e889045565a9", // magic
                        "0000000a", // option: SET_META_CONTEXT
                        "00000004", // META_CONTEXT
                        "00000013", // length
                        "00000001", // id
                        "626173653a616c6c6f636174696f6e")); // base:allocation
    }

    @Test
    void errorTypes() {
        int[] expected = {1, 2, 3, 6, 7, 9, 10};
        OptionReply.Type[] types = {
            OptionReply.Type.ERR_UNSUP,
            OptionReply.Type.ERR_POLICY,
            OptionReply.Type.ERR_INVALID,
            OptionReply.Type.ERR_UNKNOWN,
            OptionReply.Type.ERR_SHUTDOWN,
            OptionReply.Type.ERR_TOO_BIG,
            OptionReply.Type.ERR_EXT_HEADER_REQD
        };
        for (int i = 0; i < types.length; i++) {
            assertThat(types[i].code()).isEqualTo(0x8000_0000 + expected[i]);
        }
    }

    @Test
    void transmissionFlagsHaveTheBitsOfTheProtocol() {
        assertThat(TransmissionFlag.mask(EnumSet.allOf(TransmissionFlag.class))).isEqualTo(0b1_1101_1111_1111);
        assertThat(TransmissionFlag.mask(EnumSet.of(TransmissionFlag.SEND_DF))).isEqualTo(1 << 7);
        assertThat(TransmissionFlag.mask(EnumSet.of(TransmissionFlag.SEND_CACHE)))
                .isEqualTo(1 << 10);
        assertThat(TransmissionFlag.mask(EnumSet.of(TransmissionFlag.SEND_FAST_ZERO)))
                .isEqualTo(1 << 11);
        assertThat(TransmissionFlag.mask(EnumSet.of(TransmissionFlag.BLOCK_STATUS_PAYLOAD)))
                .isEqualTo(1 << 12);
    }

    @Test
    void infoExport() {
        assertThat(Hex.written(OptionReply.info(7, new InfoReply.Export(1L << 40, FLAGS))::encode))
                .isEqualTo(Hex.bytes(
                        "0003e889045565a9", // magic
                        "00000007", // option: GO
                        "00000003", // INFO
                        "0000000c", // length
                        "0000", // INFO_EXPORT
                        "0000010000000000", // size: 1 TiB
                        "0105")); // HAS_FLAGS, SEND_FLUSH, CAN_MULTI_CONN
    }

    @Test
    void infoBlockSize() {
        assertThat(Hex.written(OptionReply.info(6, new InfoReply.BlockSize(1, 4096, 32 << 20))::encode))
                .isEqualTo(Hex.bytes(
                        "0003e889045565a9", // magic
                        "00000006", // option: INFO
                        "00000003", // INFO
                        "0000000e", // length
                        "0003", // INFO_BLOCK_SIZE
                        "00000001", // minimum
                        "00001000", // preferred
                        "02000000")); // maximum payload
    }

    @Test
    void infoNameAndDescription() {
        assertThat(new InfoReply.Name("root").encoded())
                .isEqualTo(Hex.bytes("0001", "726f6f74").array());
        assertThat(new InfoReply.Description("ü").encoded())
                .isEqualTo(Hex.bytes("0002", "c3bc").array());
    }

    @Test
    void exportNameReplyWithoutZeroes() {
        assertThat(Hex.written(new ExportNameReply(512, FLAGS, false)::encode))
                .isEqualTo(Hex.bytes("0000000000000200", "0105"));
    }

    @Test
    void exportNameReplyWithZeroes() {
        assertThat(Hex.written(new ExportNameReply(512, FLAGS, true)::encode))
                .isEqualTo(Hex.bytes("0000000000000200", "0105", "00".repeat(124)));
    }
}
