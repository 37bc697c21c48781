package org.stiefelsystem.nbd.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteOrder;

/**
 * {@code struct sockaddr_in} and {@code sockaddr_in6}: u16 family in the machine's order, u16 port in the network's,
 * then 4 bytes of address, or u32 flow, 16 bytes of address and u32 scope in the machine's order.
 */
final class SocketAddress {

    static final int AF_INET = 2;
    static final int AF_INET6 = 10;
    static final int MAX_BYTES = 28;

    private static final int SOCKADDR_IN_BYTES = 16;
    private static final ValueLayout.OfShort PORT = JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private SocketAddress() {}

    static MemorySegment encode(InetSocketAddress address, Arena arena) {
        InetAddress host = address.getAddress();
        byte[] bytes = host.getAddress();
        boolean six = bytes.length == 16;
        MemorySegment out = arena.allocate(six ? MAX_BYTES : SOCKADDR_IN_BYTES, 4);
        out.set(JAVA_SHORT_UNALIGNED, 0, (short) (six ? AF_INET6 : AF_INET));
        out.set(PORT, 2, (short) address.getPort());
        MemorySegment.copy(bytes, 0, out, JAVA_BYTE, six ? 8 : 4, bytes.length);
        if (host instanceof Inet6Address scoped) {
            out.set(JAVA_INT_UNALIGNED, 24, scoped.getScopeId());
        }
        return out;
    }

    static InetSocketAddress decode(MemorySegment in) {
        boolean six = in.get(JAVA_SHORT_UNALIGNED, 0) == AF_INET6;
        int port = Short.toUnsignedInt(in.get(PORT, 2));
        byte[] bytes = new byte[six ? 16 : 4];
        MemorySegment.copy(in, JAVA_BYTE, six ? 8 : 4, bytes, 0, bytes.length);
        try {
            InetAddress plain = InetAddress.getByAddress(bytes);
            int scope = six ? in.get(JAVA_INT_UNALIGNED, 24) : 0;
            if (plain instanceof Inet6Address && scope != 0) {
                return new InetSocketAddress(Inet6Address.getByAddress(null, bytes, scope), port);
            }
            return new InetSocketAddress(plain, port);
        } catch (UnknownHostException e) {
            throw new IllegalStateException("an address of %d bytes".formatted(bytes.length), e);
        }
    }
}
