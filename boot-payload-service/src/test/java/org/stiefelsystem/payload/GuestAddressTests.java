package org.stiefelsystem.payload;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.NetworkInterface;
import org.junit.jupiter.api.Test;

class GuestAddressTests {

    @Test
    void textIsCompressedAsRfc5952Says() {
        assertThat(GuestAddress.text("fe80:0:0:0:5054:ff:fe00:1")).isEqualTo("fe80::5054:ff:fe00:1");
        assertThat(GuestAddress.text("0:0:0:0:0:0:0:1")).isEqualTo("::1");
        assertThat(GuestAddress.text("0:0:0:0:0:0:0:0")).isEqualTo("::");
        assertThat(GuestAddress.text("fd57:0:0:1:0:0:0:0")).isEqualTo("fd57:0:0:1::");
        assertThat(GuestAddress.text("1:0:3:4:5:6:7:8")).isEqualTo("1:0:3:4:5:6:7:8");
        assertThat(GuestAddress.text("10.0.0.2")).isEqualTo("10.0.0.2");
    }

    @Test
    void textHasTheLinksNameAndNotItsNumber() throws Exception {
        int lo = NetworkInterface.getByName("lo").getIndex();
        assertThat(GuestAddress.text("fe80:0:0:0:0:0:0:1%" + lo)).isEqualTo("fe80::1%lo");
    }

    @Test
    void whatIsNoAddressStaysAsItIs() {
        assertThat(GuestAddress.text("nonsense")).isEqualTo("nonsense");
    }
}
