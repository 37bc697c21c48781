package org.stiefelsystem.nbd.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A socket of this process that hears nothing any more, so that its peer finds nobody: a pulled cable, for one side. */
public final class Deafness {

    private static final int SO_ATTACH_FILTER = 26;

    /** BPF_RET with the number of bytes to keep. */
    private static final short RETURN = 6;

    private static final String ESTABLISHED = "01";

    private Deafness() {}

    /** Drops all that comes to the socket with this local port, before the kernel acknowledges it. */
    public static void of(int localPort) throws IOException {
        int fd = descriptor(localPort);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment instruction = arena.allocate(8, 4);
            instruction.set(JAVA_SHORT, 0, RETURN);
            instruction.set(JAVA_INT, 4, 0);
            MemorySegment program = arena.allocate(16, 8);
            program.set(JAVA_SHORT, 0, (short) 1);
            program.set(JAVA_BYTE, 2, (byte) 0);
            program.set(ADDRESS, 8, instruction);
            int result = Libc.setsockopt(fd, TcpSocket.SOL_SOCKET, SO_ATTACH_FILTER, program);
            if (result < 0) {
                throw new SystemCallException("setsockopt", "SO_ATTACH_FILTER", -result);
            }
        }
    }

    private static int descriptor(int localPort) throws IOException {
        String socket = "socket:[%s]".formatted(inode(localPort));
        try (DirectoryStream<Path> open = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (Path fd : open) {
                if (Files.isSymbolicLink(fd)
                        && Files.readSymbolicLink(fd).toString().equals(socket)) {
                    return Integer.parseInt(fd.getFileName().toString());
                }
            }
        }
        throw new IOException("no descriptor of port " + localPort);
    }

    /** proc(5), /proc/net/tcp: number, local address, remote address, state, …, inode as the tenth. */
    private static String inode(int localPort) throws IOException {
        String port = ":%04X".formatted(localPort);
        for (String table : List.of("/proc/self/net/tcp", "/proc/self/net/tcp6")) {
            for (String line : Files.readAllLines(Path.of(table))) {
                String[] words = line.trim().split("\\s+", -1);
                if (words[1].endsWith(port) && words[3].equals(ESTABLISHED)) {
                    return words[9];
                }
            }
        }
        throw new IOException("no connection has the local port " + localPort);
    }
}
