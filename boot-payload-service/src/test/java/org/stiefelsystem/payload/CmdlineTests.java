package org.stiefelsystem.payload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class CmdlineTests {

    @Test
    void theLineEndOfAFileIsNoPartOfIt() {
        assertThat(new Cmdline("root=UUID=1 ro\n").text()).isEqualTo("root=UUID=1 ro");
    }

    @Test
    void whatWouldMakeAnotherLineOfTheManifestIsRefused() {
        for (String bad : new String[] {"ro\nboot-id=0", "ro\r", "ro\0x", "ro\u2028x", "root=LABEL=Gr\u00fcn"}) {
            if (!bad.strip().equals("ro")) {
                assertThatThrownBy(() -> new Cmdline(bad)).isInstanceOf(PayloadUnavailable.class);
            }
        }
    }

    @Test
    void lengthIsLimited() {
        assertThat(new Cmdline("x".repeat(Cmdline.MAX_BYTES)).text()).hasSize(1300);
        assertThatThrownBy(() -> new Cmdline("x".repeat(Cmdline.MAX_BYTES + 1))).isInstanceOf(PayloadUnavailable.class);
        assertThatThrownBy(() -> new Cmdline(" \n")).isInstanceOf(PayloadUnavailable.class);
    }
}
