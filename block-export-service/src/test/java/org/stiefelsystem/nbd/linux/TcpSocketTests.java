package org.stiefelsystem.nbd.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIOException;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whose fault a failed sendfile is. */
class TcpSocketTests {

    private static final InetSocketAddress ANY = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

    @Test
    void aFileThatCannotBeSentIsNotThePeersFault(@TempDir Path directory) throws IOException {
        try (TcpListener listener = TcpListener.listen(ANY, 1);
                Socket peer = new Socket(
                        listener.address().getAddress(), listener.address().getPort());
                TcpSocket socket = listener.accept();
                LinuxFile file = LinuxFile.open(directory, true, false)) {
            assertThatExceptionOfType(TcpSocket.FileFailedException.class)
                    .isThrownBy(() -> socket.sendFile(file, 0, 1))
                    .withMessageContaining("sendfile");
            assertThat(peer.isConnected()).isTrue();
        }
    }

    @Test
    void aPeerThatIsGoneIsNotTheFilesFault(@TempDir Path directory) throws IOException {
        Path path = Files.write(directory.resolve("file"), new byte[1 << 20]);
        try (TcpListener listener = TcpListener.listen(ANY, 1);
                Socket peer = new Socket(
                        listener.address().getAddress(), listener.address().getPort());
                TcpSocket socket = listener.accept();
                LinuxFile file = LinuxFile.open(path, true, false)) {
            peer.setSoLinger(true, 0);
            socket.shutdown();
            assertThatIOException()
                    .isThrownBy(() -> {
                        while (true) {
                            socket.sendFile(file, 0, 1 << 20);
                        }
                    })
                    .isInstanceOf(SystemCallException.class);
        }
    }
}
