package org.stiefelsystem.nbd.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class BlockSizesTests {

    @Test
    void aDeviceIsTakenAtItsWord() {
        assertThat(BlockSizes.ofDevice(512, 512, 0)).isEqualTo(new BlockSizes(512, 4096));
        assertThat(BlockSizes.ofDevice(512, 4096, 0)).isEqualTo(new BlockSizes(512, 4096));
        assertThat(BlockSizes.ofDevice(4096, 4096, 0)).isEqualTo(new BlockSizes(4096, 4096));
        assertThat(BlockSizes.ofDevice(512, 4096, 16384)).isEqualTo(new BlockSizes(512, 16384));
        assertThat(BlockSizes.ofDevice(512, 16384, 0)).isEqualTo(new BlockSizes(512, 16384));
    }

    @Test
    void nonsenseOfADeviceIsIgnored() {
        assertThat(BlockSizes.ofDevice(512, 512, 33_553_920)).isEqualTo(new BlockSizes(512, 4096));
        assertThat(BlockSizes.ofDevice(520, 520, 0)).isEqualTo(new BlockSizes(512, 4096));
        assertThat(BlockSizes.ofDevice(0, -1, Integer.MIN_VALUE)).isEqualTo(new BlockSizes(512, 4096));
    }

    @Test
    void aPartThatCutsBlocksHasSmallerOnes() {
        BlockSizes device = new BlockSizes(4096, 16384);
        assertThat(device.ofPart(0, 40960)).isEqualTo(device);
        assertThat(device.ofPart(1 << 20, 40960)).isEqualTo(device);
        assertThat(device.ofPart(512, 4096)).isEqualTo(new BlockSizes(512, 16384));
        assertThat(device.ofPart(4096, 3072)).isEqualTo(new BlockSizes(1024, 16384));
        assertThat(BlockSizes.DEFAULTS.ofPart(512, 4095)).isEqualTo(BlockSizes.DEFAULTS);
    }

    @Property
    void whateverADeviceSaysTheProtocolIsKept(@ForAll int logical, @ForAll int physical, @ForAll int optimal) {
        BlockSizes sizes = BlockSizes.ofDevice(logical, physical, optimal);
        assertThat(sizes.minimum()).isPositive().isLessThanOrEqualTo(1 << 16);
        assertThat(sizes.preferred()).isGreaterThanOrEqualTo(Math.max(512, sizes.minimum()));
        assertThat(Integer.bitCount(sizes.minimum())).isOne();
        assertThat(Integer.bitCount(sizes.preferred())).isOne();
    }

    @Test
    void whatTheProtocolDoesNotAllowCannotBeMade() {
        int[][] wrong = {{0, 4096}, {3, 4096}, {1 << 17, 1 << 17}, {512, 256}, {1, 256}, {4096, 2048}, {512, 5000}};
        for (int[] sizes : wrong) {
            assertThatIllegalArgumentException().isThrownBy(() -> new BlockSizes(sizes[0], sizes[1]));
        }
    }
}
