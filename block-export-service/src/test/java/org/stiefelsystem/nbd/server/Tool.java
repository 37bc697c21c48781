package org.stiefelsystem.nbd.server;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Software that somebody else wrote. */
final class Tool {

    private static final List<Path> DIRECTORIES =
            Stream.of("/usr/bin", "/usr/sbin", "/bin", "/sbin").map(Path::of).toList();

    private Tool() {}

    /** What a tool said and how it ended. */
    record Result(int status, String output) {

        String orFail() {
            if (status != 0) {
                fail("status %d:%n%s".formatted(status, output));
            }
            return output;
        }
    }

    /** Skips the test with a reason where a tool is missing; in CI that is a failure. */
    static void require(String... names) {
        for (String name : names) {
            boolean there = DIRECTORIES.stream().anyMatch(directory -> Files.isExecutable(directory.resolve(name)));
            require(there, name + " is not installed");
        }
    }

    static void require(boolean condition, String otherwise) {
        if (!condition && "true".equals(System.getenv("CI"))) {
            fail(otherwise + ", and this is CI");
        }
        assumeTrue(condition, otherwise);
    }

    static Result run(Object... command) throws IOException, InterruptedException {
        Path output = Files.createTempFile("tool", ".txt");
        try {
            ProcessBuilder builder =
                    new ProcessBuilder(Stream.of(command).map(Object::toString).toList());
            builder.environment().put("LC_ALL", "C");
            builder.environment().merge("PATH", "/usr/sbin:/sbin", (path, more) -> path + ":" + more);
            Process process = builder.redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .redirectInput(Path.of("/dev/null").toFile())
                    .start();
            if (!process.waitFor(120, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
                fail("%s did not end:%n%s".formatted(command[0], Files.readString(output)));
            }
            return new Result(process.exitValue(), Files.readString(output, StandardCharsets.UTF_8));
        } finally {
            Files.delete(output);
        }
    }
}
