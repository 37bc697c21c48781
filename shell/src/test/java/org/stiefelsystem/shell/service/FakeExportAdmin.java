package org.stiefelsystem.shell.service;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.springframework.shell.core.InputReader;
import org.springframework.shell.core.command.CommandContext;
import org.springframework.shell.core.command.CommandRegistry;
import org.springframework.shell.core.command.ParsedInput;
import org.stiefelsystem.shell.Settings;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** The admin API of a block export, whose guests come and go where a test wants them to. */
public final class FakeExportAdmin implements AutoCloseable {

    private static final JsonMapper MAPPER = new JsonMapper();

    private final HttpServer server;
    private final Settings settings;
    private final StringWriter output = new StringWriter();
    private final Map<String, ExportClient.Export> exports = new HashMap<>();
    private final Map<String, Runnable> before = new HashMap<>();
    private final List<String> calls = new ArrayList<>();
    private Map<String, Object> refusal = Map.of();

    /** With a run directory of its own, which is {@code directory}. */
    public FakeExportAdmin(Path directory) throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::handle);
        server.start();
        settings = new Settings(
                Files.writeString(
                        directory.resolve("stiefel.yml"),
                        "stiefel: {run-dir: %s, export: {admin-port: %d}}"
                                .formatted(directory, server.getAddress().getPort())),
                Map.of());
    }

    public Settings settings() {
        return settings;
    }

    public ServiceClients clients() {
        return new ServiceClients(settings);
    }

    /** Where nobody answers questions. */
    public CommandContext context() {
        return new CommandContext(
                ParsedInput.builder().commandName("test").build(),
                new CommandRegistry(),
                new PrintWriter(output),
                new InputReader() {});
    }

    public String output() {
        return output.toString();
    }

    /** From now on a guest has that export. */
    public synchronized void give(String export, @Nullable String holder, @Nullable String bootId) {
        put(export, holder, bootId, true, false);
    }

    public synchronized void put(
            String export, @Nullable String holder, @Nullable String bootId, boolean served, boolean readOnly) {
        exports.put(
                export,
                new ExportClient.Export(
                        export,
                        served ? "/dev/sda" : "not served",
                        1 << 30,
                        null,
                        null,
                        readOnly,
                        served,
                        holder == null ? "free" : served ? "held" : "waiting",
                        null,
                        holder,
                        bootId,
                        holder == null ? null : Instant.now(),
                        0,
                        holder == null ? 0 : 1,
                        0,
                        3 << 20,
                        0,
                        2 << 20));
    }

    /** From now on every change of an export is answered with this problem. */
    public synchronized void refuseChanges(int status, String detail, String remedy) {
        refusal = Map.of("status", status, "detail", detail, "remedy", remedy);
    }

    /** Nobody has it any more. */
    public void free(String export) {
        give(export, null, null);
    }

    /** Something that happens right before the next such call is answered, such as {@code POST /shutdown}. */
    public synchronized void before(String call, Runnable happens) {
        before.put(call, happens);
    }

    /** What was asked for, but for the looks. */
    public synchronized List<String> calls() {
        return List.copyOf(calls);
    }

    private void handle(HttpExchange exchange) throws IOException {
        String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        String call =
                exchange.getRequestMethod() + " " + exchange.getRequestURI().getPath();
        Runnable happens;
        synchronized (this) {
            happens = before.remove(call);
        }
        if (happens != null) {
            happens.run();
        }
        Map<String, String> query = new HashMap<>();
        if (exchange.getRequestURI().getQuery() != null) {
            for (String pair : exchange.getRequestURI().getQuery().split("&", -1)) {
                query.put(pair.substring(0, pair.indexOf('=')), pair.substring(pair.indexOf('=') + 1));
            }
        }
        answer(exchange, call, query, body);
    }

    private synchronized void answer(HttpExchange exchange, String call, Map<String, String> query, String body)
            throws IOException {
        if (!call.equals("GET /exports")) {
            calls.add(call
                    + (query.isEmpty()
                            ? " " + body
                            : query.containsKey("name")
                                    ? " " + query.get("name")
                                    : " " + query.get("export") + " " + query.get("holder")));
        }
        switch (call) {
            case "GET /exports" -> send(exchange, 200, exports.values());
            case "POST /exports", "DELETE /exports", "POST /exports/grow" -> change(exchange, call, query, body);
            case "PUT /admission" -> exchange.sendResponseHeaders(204, -1);
            case "POST /shutdown", "DELETE /lease" -> {
                ExportClient.Export export = Objects.requireNonNull(exports.get(query.get("export")));
                if (export.holder() == null) {
                    send(exchange, 409, Map.of("detail", "Nobody has this export."));
                } else if (!Objects.equals(export.holderId(), query.get("holder"))) {
                    send(exchange, 409, Map.of("detail", export.holderWords() + " has it now; nothing was done."));
                } else if (call.startsWith("POST")) {
                    send(exchange, 200, Map.of("answered", true));
                } else {
                    free(export.name());
                    send(exchange, 200, Map.of("holder", export.holder(), "bootId", String.valueOf(export.bootId())));
                }
            }
            default -> exchange.sendResponseHeaders(404, -1);
        }
        exchange.close();
    }

    private void change(HttpExchange exchange, String call, Map<String, String> query, String body) throws IOException {
        if (!refusal.isEmpty()) {
            send(exchange, (int) Objects.requireNonNull(refusal.get("status")), refusal);
        } else if (call.equals("DELETE /exports")) {
            exports.remove(query.get("name"));
            exchange.sendResponseHeaders(204, -1);
        } else if (call.equals("POST /exports")) {
            free(MAPPER.readTree(body).path("name").asString());
            send(
                    exchange,
                    201,
                    Objects.requireNonNull(
                            exports.get(MAPPER.readTree(body).path("name").asString())));
        } else {
            ExportClient.Export grown = Objects.requireNonNull(exports.get(query.get("name")));
            ObjectNode document = MAPPER.valueToTree(grown);
            document.put("size", 2 * grown.size());
            send(exchange, 200, document);
        }
    }

    private static void send(HttpExchange exchange, int status, Object document) throws IOException {
        byte[] json = MAPPER.writeValueAsBytes(document);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, json.length);
        exchange.getResponseBody().write(json);
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
