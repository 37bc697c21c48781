package org.stiefelsystem.compose;

import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What Prometheus has scraped, asked over its HTTP API. */
final class Prometheus {

    private final Docker docker;
    private final String address;

    Prometheus(Docker docker, int port) {
        this.docker = docker;
        this.address = "http://127.0.0.1:" + port + "/api/v1/query";
    }

    /** The newest value of an expression that has one, or NaN while there is none. */
    double value(String expression) throws IOException, InterruptedException {
        JsonNode result = query(expression);
        return result.isEmpty() ? Double.NaN : value(result.path(0));
    }

    /** The newest values of an expression, each by the value of one of its labels. */
    Map<String, Double> valuesBy(String label, String expression) throws IOException, InterruptedException {
        Map<String, Double> values = new TreeMap<>();
        for (JsonNode sample : query(expression)) {
            values.put(sample.path("metric").path(label).asString(), value(sample));
        }
        return values;
    }

    private JsonNode query(String expression) throws IOException, InterruptedException {
        return JsonMapper.shared()
                .readTree(docker.get(address, expression))
                .path("data")
                .path("result");
    }

    private static double value(JsonNode sample) {
        return Double.parseDouble(sample.path("value").path(1).asString());
    }
}
