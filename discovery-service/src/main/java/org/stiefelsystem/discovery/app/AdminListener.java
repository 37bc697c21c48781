package org.stiefelsystem.discovery.app;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import org.stiefelsystem.discovery.LinkLocal;
import tools.jackson.databind.json.JsonMapper;

/** Another service, which is told by its admin API, whether it runs in this JVM or not. */
class AdminListener implements LinkListeners.Listener {

    private static final JsonMapper MAPPER = new JsonMapper();
    private static final Duration PATIENCE = Duration.ofSeconds(3);

    private final String service;
    private final URI listen;
    private final AdminToken token;

    AdminListener(String service, URI admin, AdminToken token) {
        this.service = service;
        this.listen = admin.resolve("/listen");
        this.token = token;
    }

    /** What the service is told: {@code {"address":"fe80::1%eth0"}}. */
    record Listen(String address) {}

    @Override
    public String service() {
        return service;
    }

    @Override
    public void listenAt(LinkLocal address) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(listen)
                .timeout(PATIENCE)
                .header("Authorization", token.authorization())
                .header("Content-Type", "application/json")
                .PUT(HttpRequest.BodyPublishers.ofString(MAPPER.writeValueAsString(new Listen(address.text()))))
                .build();
        int status;
        // Of its own: a link moves once in a long while, and a client costs the start of the service some time.
        try (HttpClient client = HttpClient.newBuilder()
                .connectTimeout(PATIENCE)
                .version(HttpClient.Version.HTTP_1_1)
                .build()) {
            status =
                    client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
        } catch (IOException e) {
            throw new IOException(listen + " cannot be reached (" + e.getClass().getSimpleName() + ")", e);
        }
        if (status != 204) {
            throw new IOException(listen + " answered " + status);
        }
    }
}
