package org.stiefelsystem.shell.service;

import java.io.IOException;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Function;
import java.util.function.Supplier;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatusCode;
import org.springframework.http.client.ClientHttpResponse;
import org.springframework.http.client.JdkClientHttpRequestFactory;
import org.springframework.stereotype.Component;
import org.springframework.web.client.ResourceAccessException;
import org.springframework.web.client.RestClient;
import org.springframework.web.client.RestClientException;
import org.springframework.web.client.support.RestClientAdapter;
import org.springframework.web.service.invoker.HttpServiceProxyFactory;
import org.stiefelsystem.shell.CommandFailure;
import org.stiefelsystem.shell.Settings;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Makes the clients of the services on this machine, with the token that only its owner can read. */
@Component
public class ServiceClients {

    private static final JsonMapper MAPPER = new JsonMapper();

    private static final Duration PATIENCE = Duration.ofSeconds(5);

    private final Settings settings;

    ServiceClients(Settings settings) {
        this.settings = settings;
    }

    public ExportClient exports() {
        return exports(PATIENCE);
    }

    /** For a question whose answer may take longer. */
    public ExportClient exports(Duration patience) {
        return client(ExportClient.class, "127.0.0.1", "stiefel.export.admin-port", token(), patience);
    }

    public BootClient boots() {
        return client(BootClient.class, "127.0.0.1", "stiefel.payload.admin-port", token(), PATIENCE);
    }

    public LinkClient links() {
        return client(LinkClient.class, "127.0.0.1", "stiefel.discovery.admin-port", token(), PATIENCE);
    }

    public HealthClient health(String service) {
        return client(
                HealthClient.class, settings.get("stiefel.actuator.bind"), service + ".actuator-port", "", PATIENCE);
    }

    /** The answer to a question to one of the services, or the failure that says that it does not run. */
    public static <T> T ask(String service, Supplier<T> question) {
        try {
            return question.get();
        } catch (ServiceProblem e) {
            throw e.failure();
        } catch (ResourceAccessException e) {
            throw CommandFailure.unreachable(
                    "the " + service + " does not run on this machine, or not with these settings",
                    "Start it: stiefelctl server --disk PATH --boot-dir DIR --transport plain --link IF");
        } catch (RestClientException e) {
            throw CommandFailure.failed(
                    "the " + service + " does not answer on its admin port as it should",
                    "Another program may listen there; `stiefelctl config show` lists the admin ports.");
        }
    }

    /**
     * As {@link #ask(String, Supplier)}, where things may have changed since they were looked at.
     *
     * @param conflict makes an answer of what the service says then
     */
    public static <T> T ask(String service, Supplier<T> question, Function<String, T> conflict) {
        return ask(service, () -> {
            try {
                return question.get();
            } catch (ServiceProblem e) {
                if (e.isConflict()) {
                    return conflict.apply(e.detail());
                }
                throw e;
            }
        });
    }

    private String token() {
        Path file = Path.of(settings.runDir(), "admin.token");
        try {
            return Files.exists(file) ? Files.readString(file).strip() : "";
        } catch (IOException e) {
            throw CommandFailure.failed(
                    "the services' token in " + file + " is not readable for you",
                    "Run this as the user who runs the services, or with sudo.");
        }
    }

    /** RFC 9457: the words of a problem document, and what to do, which only some of ours have. */
    private record Problem(String detail, String remedy) {

        static Problem of(ClientHttpResponse response) throws IOException {
            try {
                JsonNode document = MAPPER.readTree(response.getBody());
                return new Problem(
                        document.path("detail").asString(""),
                        document.path("remedy").asString(""));
            } catch (JacksonException e) {
                return new Problem("", "");
            }
        }

        CommandFailure failure() {
            String line = detail.endsWith(".") ? detail.substring(0, detail.length() - 1) : detail;
            return CommandFailure.failed(line, remedy.isEmpty() ? "The service's log says more." : remedy);
        }
    }

    private <T> T client(Class<T> type, String host, String portSetting, String token, Duration patience) {
        JdkClientHttpRequestFactory requests = new JdkClientHttpRequestFactory(
                HttpClient.newBuilder().connectTimeout(PATIENCE).build());
        requests.setReadTimeout(patience);
        String address = host.contains(":") ? "[" + host + "]" : host;
        RestClient.Builder builder = RestClient.builder()
                .requestFactory(requests)
                .baseUrl("http://" + address + ":" + settings.port(portSetting))
                .defaultStatusHandler(status -> status.value() == 503, (request, response) -> {
                    // An unhealthy service says so with 503 and the same body.
                })
                .defaultStatusHandler(HttpStatusCode::isError, (request, response) -> {
                    Problem problem = Problem.of(response);
                    String detail = problem.detail;
                    int status = response.getStatusCode().value();
                    throw new ServiceProblem(
                            status,
                            detail,
                            !problem.remedy.isEmpty() || (status == 500 && !detail.isEmpty())
                                    ? problem.failure()
                                    : CommandFailure.failed(
                                            request.getURI() + " answered " + response.getStatusCode(),
                                            "Is `stiefel.run-dir` the one that the services run with ("
                                                    + settings.runDir() + ")?"));
                });
        if (!token.isEmpty()) {
            builder.defaultHeader(HttpHeaders.AUTHORIZATION, "Bearer " + token);
        }
        return HttpServiceProxyFactory.builderFor(RestClientAdapter.create(builder.build()))
                .build()
                .createClient(type);
    }
}
