package org.stiefelsystem.payload.web;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import org.stiefelsystem.payload.AdminToken;
import org.stiefelsystem.payload.BootId;
import org.stiefelsystem.payload.BootIdRegistrar;
import org.stiefelsystem.payload.RegistrationFailed;

/** Registers at the admin API of an export in another process. */
public final class HttpBootIdRegistrar implements BootIdRegistrar, AutoCloseable {

    private static final Duration PATIENCE = Duration.ofSeconds(3);

    private final URI bootIds;
    private final AdminToken token;
    private final HttpClient client = HttpClient.newBuilder()
            .connectTimeout(PATIENCE)
            .version(HttpClient.Version.HTTP_1_1)
            .build();

    public HttpBootIdRegistrar(URI exportAdmin, AdminToken token) {
        this.bootIds = exportAdmin.resolve("/boot-ids");
        this.token = token;
    }

    @Override
    public void register(BootId bootId, String export) {
        // Neither can hold a quote: a boot id is hex, and the export's name is checked where it is configured.
        String body = "{\"bootId\":\"" + bootId.hex() + "\",\"export\":\"" + export + "\"}";
        HttpRequest request = HttpRequest.newBuilder(bootIds)
                .timeout(PATIENCE)
                .header("Authorization", token.authorization())
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
        int status;
        try {
            status =
                    client.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
        } catch (IOException e) {
            throw new RegistrationFailed("The block export at " + bootIds + " cannot be reached: " + e, e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RegistrationFailed("Interrupted while telling the block export", e);
        }
        if (status != 204) {
            throw new RegistrationFailed("The block export at " + bootIds + " answered " + status, null);
        }
    }

    @Override
    public void close() {
        client.close();
    }
}
