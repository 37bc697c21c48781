package org.stiefelsystem.shell;

import java.io.PrintWriter;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** What {@code --json} prints: one document. */
public final class Json {

    private static final JsonMapper MAPPER =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private Json() {}

    public static void print(Object document, PrintWriter output) {
        output.println(MAPPER.writeValueAsString(document));
        output.flush();
    }
}
