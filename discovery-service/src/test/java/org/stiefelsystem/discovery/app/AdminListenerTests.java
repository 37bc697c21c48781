package org.stiefelsystem.discovery.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.stiefelsystem.discovery.TestLinks.linkLocal;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.discovery.LinkLocal;

/** Our side of `PUT /listen`, against another HTTP server. */
class AdminListenerTests {

    private static final LinkLocal ADDRESS = linkLocal("eth1", 7, "fe80::5054:ff:fe12:3456");

    @TempDir
    Path run;

    private final List<String> requests = new CopyOnWriteArrayList<>();
    private volatile int status = 204;
    private HttpServer server;
    private AdminListener listener;

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), 0);
        server.createContext("/", exchange -> {
            requests.add(exchange.getRequestMethod() + " " + exchange.getRequestURI() + " "
                    + exchange.getRequestHeaders().getFirst("Host") + " "
                    + exchange.getRequestHeaders().getFirst("Authorization") + " "
                    + exchange.getRequestHeaders().getFirst("Content-Type") + " "
                    + new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
            exchange.sendResponseHeaders(status, -1);
            exchange.close();
        });
        server.start();
        listener = new AdminListener(
                "payload", URI.create("http://127.0.0.1:" + server.getAddress().getPort()), AdminToken.in(run));
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    @Test
    void theServiceIsToldWithTheToken() throws Exception {
        listener.listenAt(ADDRESS);
        assertThat(requests)
                .containsExactly("PUT /listen 127.0.0.1:" + server.getAddress().getPort() + " Bearer "
                        + Files.readString(run.resolve("admin.token")).strip()
                        + " application/json {\"address\":\"fe80::5054:ff:fe12:3456%eth1\"}");
    }

    @Test
    void anythingBut204IsAFailure() {
        for (int other : new int[] {200, 400, 401, 404, 503}) {
            status = other;
            assertThatThrownBy(() -> listener.listenAt(ADDRESS))
                    .isInstanceOf(IOException.class)
                    .hasMessageEndingWith("/listen answered " + other);
        }
    }

    @Test
    void aServiceThatIsNotThereIsAFailure() {
        server.stop(0);
        assertThatThrownBy(() -> listener.listenAt(ADDRESS))
                .isInstanceOf(IOException.class)
                .hasMessageEndingWith("/listen cannot be reached (ConnectException)");
    }
}
