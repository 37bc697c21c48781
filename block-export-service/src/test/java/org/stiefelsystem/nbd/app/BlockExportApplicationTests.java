package org.stiefelsystem.nbd.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.NullUnmarked;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.context.ConfigurableApplicationContext;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.Lease;
import org.stiefelsystem.nbd.export.Leases;
import org.stiefelsystem.nbd.export.PeerAddress;
import org.stiefelsystem.nbd.export.RefusedException;
import org.stiefelsystem.nbd.export.Session;
import org.stiefelsystem.nbd.server.NbdLimits;
import org.stiefelsystem.nbd.server.NbdServer;

/** The whole service, with its admin API and actuator. */
@NullUnmarked
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BlockExportApplicationTests {

    private static final String BOOT = "{\"bootId\":\"0123456789abcdef0123456789abcdef\",\"export\":\"%s\"}";

    private Path directory;

    private ConfigurableApplicationContext context;
    private final HttpClient http = HttpClient.newHttpClient();

    @BeforeAll
    void start(@TempDir Path temporary) throws IOException {
        directory = temporary;
        Files.write(directory.resolve("disk.img"), new byte[1 << 20]);
        context = run("run", "disk.img");
    }

    private ConfigurableApplicationContext run(String runDir, String image, String... more) {
        List<String> arguments = new ArrayList<>(List.of(
                "--stiefel.run-dir=" + directory.resolve(runDir),
                "--stiefel.export.port=0",
                "--stiefel.export.admin-port=0",
                "--stiefel.export.actuator-port=0",
                "--stiefel.export.exports[0].name=root",
                "--stiefel.export.exports[0].path=" + directory.resolve(image)));
        arguments.addAll(List.of(more));
        return BlockExportApplication.builder().run(arguments.toArray(String[]::new));
    }

    @AfterAll
    void stop() {
        context.close();
    }

    private HttpRequest.Builder admin(String path) throws IOException {
        return HttpRequest.newBuilder(URI.create(
                        "http://127.0.0.1:" + context.getEnvironment().getProperty("local.server.port") + path))
                .header(
                        "Authorization",
                        "Bearer " + token(context.getEnvironment().getProperty("stiefel.run-dir")));
    }

    private String token() throws IOException {
        return token(directory.resolve("run").toString());
    }

    private static String token(String runDir) throws IOException {
        return Files.readString(Path.of(runDir, "admin.token")).trim();
    }

    private HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private String actuator(String path) throws IOException, InterruptedException {
        return send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:"
                        + context.getEnvironment().getProperty("local.management.port") + "/actuator/" + path)))
                .body();
    }

    @Test
    void theTokenIsForItsOwnerAlone() throws IOException {
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(directory.resolve("run/admin.token"))))
                .isEqualTo("rw-------");
        assertThat(token()).matches("[0-9a-f]{64}");
        assertThat(AdminToken.in(directory.resolve("run")).text()).isEqualTo(token());
    }

    @Test
    void exportsAreListed() throws Exception {
        assertThat(send(admin("/exports")).body())
                .isEqualTo("[{\"name\":\"root\",\"path\":\"" + directory.resolve("disk.img")
                        + "\",\"size\":1048576,\"offset\":null,\"partition\":null,\"readOnly\":false,\"served\":true,\"state\":\"free\",\"failure\":null,\"holder\":null,"
                        + "\"bootId\":null,\"since\":null,\"reconnects\":0,\"connections\":0,"
                        + "\"bytesRead\":0,\"bytesWritten\":0,\"bytesUnflushed\":0,\"bytesWrittenByHolder\":0}]");
    }

    @Test
    void withoutTheTokenNothingIsTold() throws Exception {
        HttpResponse<String> response = send(admin("/exports").setHeader("Authorization", "Bearer x"));
        assertThat(response.statusCode()).isEqualTo(401);
        assertThat(response.headers().firstValue("Content-Type").orElseThrow()).startsWith("application/problem+json");
    }

    @Test
    void anotherHostIsRefused() throws Exception {
        int port = Integer.parseInt(context.getEnvironment().getRequiredProperty("local.server.port"));
        for (String host : new String[] {"stiefel.example", "127.0.0.1.stiefel.example", "localhost:1:2", ""}) {
            try (Socket socket = new Socket(java.net.InetAddress.getLoopbackAddress(), port)) {
                socket.getOutputStream()
                        .write(("GET /exports HTTP/1.1\r\nHost: " + host + "\r\nAuthorization: Bearer " + token()
                                        + "\r\nConnection: close\r\n\r\n")
                                .getBytes(java.nio.charset.StandardCharsets.US_ASCII));
                String answer =
                        new String(socket.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.US_ASCII);
                assertThat(answer).as(host).matches("(?s)HTTP/1.1 (403|400) .*");
            }
        }
    }

    @Test
    void aPathThatIsNotOursIsAProblem() throws Exception {
        HttpResponse<String> response = send(admin("/nothing"));
        assertThat(response.statusCode()).isEqualTo(404);
        assertThat(response.headers().firstValue("Content-Type").orElseThrow()).startsWith("application/problem+json");
    }

    @Test
    void bootIdsAreRegisteredForExportsThatExist() throws Exception {
        assertThat(post(BOOT.formatted("root"))).isEqualTo(204);
        assertThat(post(BOOT.formatted("nothing"))).isEqualTo(404);
        assertThat(post("{\"bootId\":\"0123\",\"export\":\"root\"}")).isEqualTo(400);
        assertThat(post("{}")).isEqualTo(400);
        assertThat(post("[")).isEqualTo(400);
        assertThat(Files.readString(directory.resolve("run/leases")))
                .startsWith("machine\t" + Files.readString(Path.of("/proc/sys/kernel/random/boot_id")))
                .contains("boot\t0123456789abcdef0123456789abcdef\troot\tnew\t\n");
    }

    @Test
    void aLeaseIsBrokenAndItsHolderTold() throws Exception {
        Leases leases = context.getBean(Leases.class);
        Export root = context.getBean(Exports.class).named("root").orElseThrow();
        String bootId = "f".repeat(32);
        assertThat(delete("/lease?export=nothing&holder=" + bootId).statusCode())
                .isEqualTo(404);
        assertThat(delete("/lease?export=root&holder=" + bootId).statusCode()).isEqualTo(409);
        assertThat(delete("/lease?export=root").statusCode()).isEqualTo(400);
        assertThat(shutdown("root", bootId).statusCode()).isEqualTo(409);
        leases.register(bootId, "root");
        Session session = new Session() {
            @Override
            public void fence() {
                // Gone already.
            }

            @Override
            public boolean hungUp() {
                return false;
            }
        };
        leases.take(root, new PeerAddress("fe80::1%br0"), bootId, session, Duration.ZERO);
        leases.release(root, session, false);
        assertThat(send(admin("/exports")).body())
                .contains("\"state\":\"waiting\",\"failure\":null,\"holder\":\"fe80::1%br0\",\"bootId\":\"" + bootId
                        + "\"");
        assertThat(actuator("prometheus")).contains("stiefel_nbd_lease{export=\"root\",state=\"waiting\"} 1.0");
        for (HttpResponse<String> mistaken :
                List.of(delete("/lease?export=root&holder=" + "0".repeat(32)), shutdown("root", "0".repeat(32)))) {
            assertThat(mistaken.statusCode()).isEqualTo(409);
            assertThat(mistaken.body()).contains("fe80::1%br0 (boot ffffffff) has it now; nothing was done.");
        }
        HttpResponse<String> broken = delete("/lease?export=root&holder=" + bootId);
        assertThat(broken.statusCode()).isEqualTo(200);
        assertThat(broken.body()).isEqualTo("{\"holder\":\"fe80::1%br0\",\"bootId\":\"" + bootId + "\"}");
        assertThat(leases.of("root").state()).isEqualTo(Lease.State.FREE);
    }

    @Test
    void aLeaseWhoseExportIsNotServedIsShownAndCanBeBroken() throws Exception {
        Path other = Files.createDirectories(directory.resolve("other"));
        String bootId = "e".repeat(32);
        Files.writeString(
                other.resolve("leases"),
                "machine\t%sboot\t%s\tbefore\tused\t\nlease\tbefore\tfe80::1%%br0\t%s\t2026-11-26T00:00:00Z\t0\tdisk\t\n"
                        .formatted(Files.readString(Path.of("/proc/sys/kernel/random/boot_id")), bootId, bootId));
        Files.write(directory.resolve("other.img"), new byte[4096]);
        ConfigurableApplicationContext first = context;
        try (ConfigurableApplicationContext second = run("other", "other.img")) {
            context = second;
            assertThat(send(admin("/exports")).body())
                    .contains(
                            "{\"name\":\"before\",\"path\":\"not served\",\"size\":0,\"offset\":null,\"partition\":null,\"readOnly\":false,"
                                    + "\"served\":false,\"state\":\"waiting\",\"failure\":null,\"holder\":\"fe80::1%br0\"");
            assertThat(post(BOOT.formatted("before"))).isEqualTo(404);
            Files.createDirectories(other.resolve("leases.new/obstacle"));
            HttpResponse<String> broken = delete("/lease?export=before&holder=" + bootId);
            assertThat(broken.statusCode()).isEqualTo(500);
            assertThat(broken.body()).contains("only until this service ends, since that could not be saved");
            assertThat(send(admin("/exports")).body()).doesNotContain("not served");
        } finally {
            context = first;
        }
    }

    @Test
    void nobodyNewIsAdmittedUntilAdmissionIsOpenAgain() throws Exception {
        assertThat(put("/admission", "{}")).isEqualTo(400);
        assertThat(put("/admission", "{\"open\":false}")).isEqualTo(204);
        assertThat(post(BOOT.formatted("root").replace("0123", "aaaa"))).isEqualTo(409);
        assertThat(put("/admission", "{\"open\":true}")).isEqualTo(204);
        assertThat(post(BOOT.formatted("root").replace("0123", "aaaa"))).isEqualTo(204);
    }

    @Test
    void aToolStartsBesideTheServiceAndRegistersNoBoots() throws Exception {
        Files.write(directory.resolve("tool.img"), new byte[4096]);
        assertThatExceptionOfType(Exception.class)
                .isThrownBy(() -> run("run", "tool.img").close())
                .havingRootCause()
                .withMessageContaining("Another block export keeps its leases in");
        ConfigurableApplicationContext first = context;
        try (ConfigurableApplicationContext second = run("run", "tool.img", "--stiefel.export.keep-leases=false")) {
            context = second;
            assertThat(post(BOOT.formatted("root"))).isEqualTo(409);
        } finally {
            context = first;
        }
    }

    // ---- exports at run time ----

    private HttpResponse<String> postJson(String path, String body) throws Exception {
        return send(
                admin(path).header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(body)));
    }

    private HttpResponse<String> add(String name, Path path, String more) throws Exception {
        return postJson(
                "/exports", "{\"name\":\"%s\",\"path\":\"%s\",\"readOnly\":false%s}".formatted(name, path, more));
    }

    @Test
    void anExportIsAddedGrownAndRemoved() throws Exception {
        Path image = Files.write(directory.resolve("added.img"), new byte[8192]);
        HttpResponse<String> added = add("added", image, ",\"offset\":4096");
        assertThat(added.statusCode()).as(added.body()).isEqualTo(201);
        assertThat(added.body())
                .contains("\"name\":\"added\",\"path\":\"" + image.toRealPath()
                        + "\",\"size\":4096,\"offset\":4096,\"partition\":null,");
        assertThat(actuator("prometheus")).contains("stiefel_nbd_connections{export=\"added\"} 0.0");
        Files.write(image, new byte[4096], java.nio.file.StandardOpenOption.APPEND);
        assertThat(postJson("/exports/grow?name=added", "").body()).contains("\"size\":8192");
        Files.write(image, new byte[512]);
        HttpResponse<String> shrunk = postJson("/exports/grow?name=added", "");
        assertThat(shrunk.statusCode()).isEqualTo(409);
        assertThat(shrunk.body()).contains("was cut off: of export added the last 11776 bytes are missing.");
        assertThat(send(admin("/exports")).body())
                .contains("\"state\":\"failed\",\"failure\":\"" + image.toRealPath() + " was cut off");
        assertThat(delete("/exports?name=added").statusCode()).isEqualTo(204);
        assertThat(delete("/exports?name=added").statusCode()).isEqualTo(404);
        assertThat(postJson("/exports/grow?name=added", "").statusCode()).isEqualTo(404);
        assertThat(actuator("prometheus")).doesNotContain("export=\"added\"");
        assertThat(actuator("health")).isEqualTo("{\"status\":\"UP\"}");
    }

    @Test
    void anExportThatAGuestHasIsNeitherRemovedNorGrown() throws Exception {
        Files.write(directory.resolve("leased.img"), new byte[4096]);
        assertThat(add("leased", directory.resolve("leased.img"), "").statusCode())
                .isEqualTo(201);
        Leases leases = context.getBean(Leases.class);
        Export export = context.getBean(Exports.class).named("leased").orElseThrow();
        String bootId = "d".repeat(32);
        leases.register(bootId, "leased");
        Session session = new Session() {
            @Override
            public void fence() {
                // Gone already.
            }

            @Override
            public boolean hungUp() {
                return false;
            }
        };
        leases.take(export, new PeerAddress("fe80::1%br0"), bootId, session, Duration.ZERO);
        leases.release(export, session, false);
        for (HttpResponse<String> refused :
                List.of(delete("/exports?name=leased"), postJson("/exports/grow?name=leased", ""))) {
            assertThat(refused.statusCode()).isEqualTo(409);
            assertThat(refused.body())
                    .contains("it is leased to fe80::1%br0 (boot dddddddd).")
                    .contains("\"remedy\":\"Shut that guest down, or take the lease from it first:"
                            + " stiefelctl exports lease break leased\"");
        }
        delete("/lease?export=leased&holder=" + bootId);
        assertThat(delete("/exports?name=leased").statusCode()).isEqualTo(204);
    }

    @Test
    void whatIsOutsideOfTheAllowedPathsIsForbidden() throws Exception {
        Path outside = Files.createTempDirectory("outside");
        Path image = Files.write(outside.resolve("disk.img"), new byte[4096]);
        Path link = Files.createSymbolicLink(directory.resolve("way-out"), image);
        Path up = directory.resolve("../" + outside.getFileName() + "/disk.img");
        try {
            for (Path path : List.of(image, link, up, outside, outside.resolve("nothing"), Path.of("/etc/shadow"))) {
                HttpResponse<String> refused = add("outside", path, "");
                assertThat(refused.statusCode()).as(path.toString()).isEqualTo(403);
                assertThat(refused.body())
                        .contains("is outside of what this server may open on request, which is: /dev, "
                                + directory.toRealPath());
            }
        } finally {
            Files.delete(image);
            Files.delete(outside);
        }
    }

    @Test
    void whatCannotBeAnExportIsRefusedWithWords() throws Exception {
        Files.createSymbolicLink(directory.resolve("dangling"), directory.resolve("gone"));
        Files.createFile(directory.resolve("empty.img"));
        Files.write(directory.resolve("good.img"), new byte[4096]);
        String[][] refused = {
            {"x", directory.toString(), "", "is a directory"},
            {"x", directory + "/dangling", "", "leads to " + directory.resolve("gone")},
            {"x", directory + "/empty.img", "", "is empty"},
            {"x", "/dev/null", "", "is a character device"},
            {"x", "good.img", "", "is no absolute path"},
            {"x", "/a\\u0000b", "", "is no absolute path"},
            {"root", directory + "/good.img", "", "Two exports are named root"},
            {"x", directory + "/disk.img", "", "export root of this server has it"},
            {"x", directory + "/good.img", ",\"offset\":1", "cuts sectors"},
            {"x", directory + "/good.img", ",\"partition\":1", "has no partition 1"},
            {"x", directory + "/good.img", ",\"partition\":1,\"size\":512", "its own offset and size"},
        };
        for (String[] wrong : refused) {
            HttpResponse<String> answer = postJson(
                    "/exports",
                    "{\"name\":\"%s\",\"path\":\"%s\",\"readOnly\":false%s}"
                            .formatted(wrong[0], wrong[1].replace("\\\\", "\\"), wrong[2]));
            assertThat(answer.statusCode()).as(String.join(" ", wrong)).isEqualTo(409);
            assertThat(answer.body()).contains(wrong[3]).contains("\"remedy\":\"");
        }
        for (String body : new String[] {
            "{}",
            "[",
            "{\"name\":\"x\",\"path\":\"/dev/sda\"}",
            "{\"name\":\"x\",\"readOnly\":true}",
            "{\"name\":\"x\",\"path\":\"/dev/sda\",\"readOnly\":true,\"offset\":\"x\"}"
        }) {
            assertThat(postJson("/exports", body).statusCode()).as(body).isEqualTo(400);
        }
    }

    @Test
    void namesOfUnprintableCharactersAreRefusedAndAllOthersServed() throws Exception {
        Path image = Files.write(directory.resolve("names.img"), new byte[4096]);
        for (int character = 1; character < 256; character++) {
            boolean printable = character > 0x20 && (character < 0x7f || character > 0xa0) && character != 0xad;
            HttpResponse<String> answer = add("\\u%04x".formatted(character), image, "");
            assertThat(answer.statusCode())
                    .as("U+%04x: %s", character, answer.body())
                    .isEqualTo(printable ? 201 : 409);
            if (printable) {
                context.getBean(NbdServer.class)
                        .remove(context.getBean(Exports.class)
                                .named(Character.toString(character))
                                .orElseThrow());
            }
        }
        for (int length : new int[] {4096, 4097}) {
            HttpResponse<String> tooLong = add("n".repeat(length), image, "");
            assertThat(tooLong.statusCode()).isEqualTo(409);
            assertThat(tooLong.body()).contains("is no name for an export").hasSizeLessThan(600);
        }
    }

    @Test
    void changesWantTheTokenAndALocalHost() throws Exception {
        int port = Integer.parseInt(context.getEnvironment().getRequiredProperty("local.server.port"));
        for (String request : List.of("POST /exports", "DELETE /exports?name=root", "POST /exports/grow?name=root")) {
            for (String[] headers : new String[][] {
                {"127.0.0.1", "", "401"},
                {"127.0.0.1", "Authorization: Bearer x\r\n", "401"},
                {"stiefel.example", "Authorization: Bearer " + token() + "\r\n", "403"}
            }) {
                try (Socket socket = new Socket(java.net.InetAddress.getLoopbackAddress(), port)) {
                    socket.getOutputStream()
                            .write("%s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n"
                                    .formatted(request, headers[0], headers[1])
                                    .getBytes(java.nio.charset.StandardCharsets.US_ASCII));
                    assertThat(new String(
                                    socket.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.US_ASCII))
                            .startsWith("HTTP/1.1 " + headers[2]);
                }
            }
        }
        assertThat(context.getBean(Exports.class).named("root")).isPresent();
    }

    @Test
    void theConfigurationNamesPartsAllowedPathsAndLimits() throws Exception {
        Path image = Files.write(directory.resolve("parts.img"), new byte[8192]);
        ConfigurableApplicationContext first = context;
        try (ConfigurableApplicationContext second = run(
                "parts",
                "parts.img",
                "--stiefel.export.exports[0].size=4096",
                "--stiefel.export.exports[1].name=rest",
                "--stiefel.export.exports[1].path=" + image,
                "--stiefel.export.exports[1].offset=4096",
                "--stiefel.export.allow-paths=" + directory.resolve("nowhere"),
                "--stiefel.export.limits.connections=3",
                "--stiefel.export.limits.handshake-deadline=2s")) {
            context = second;
            assertThat(send(admin("/exports")).body())
                    .contains("\"size\":4096,\"offset\":0,")
                    .contains("\"size\":4096,\"offset\":4096,");
            NbdLimits limits = second.getBean(NbdLimits.class);
            assertThat(limits.connections()).isEqualTo(3);
            assertThat(limits.handshakeDeadline()).isEqualTo(Duration.ofSeconds(2));
            assertThat(add("x", image, "").statusCode()).isEqualTo(403);
        } finally {
            context = first;
        }
        for (String[] wrong : new String[][] {
            {"--stiefel.export.limits.connections=0", "stiefel.export.limits.connections is 0, and may be 1 to 65536."},
            {"--stiefel.export.limits.nothing=0", "There is no setting stiefel.export.limits.nothing."},
            {"--stiefel.export.exports[0].partition=7", "has no partition 7"},
            {"--stiefel.export.exports[0].offset=7", "cuts sectors"}
        }) {
            assertThatExceptionOfType(Exception.class)
                    .isThrownBy(() -> run("wrong", "parts.img", wrong[0]).close())
                    .havingRootCause()
                    .isInstanceOf(RefusedException.class)
                    .withMessageContaining(wrong[1]);
        }
        assertThatExceptionOfType(Exception.class)
                .isThrownBy(() -> run(
                                "wrong",
                                "parts.img",
                                "--stiefel.export.exports[1].name=again",
                                "--stiefel.export.exports[1].path=" + image,
                                "--stiefel.export.exports[1].read-only=true")
                        .close())
                .havingRootCause()
                .withMessageContaining(
                        "is not served: export root of this server has it (rule \"never serve what is in use\").");
    }

    private HttpResponse<String> shutdown(String export, String holder) throws Exception {
        return send(
                admin("/shutdown?export=" + export + "&holder=" + holder).POST(HttpRequest.BodyPublishers.noBody()));
    }

    private HttpResponse<String> delete(String path) throws Exception {
        return send(admin(path).DELETE());
    }

    @Test
    void onlyALinksOwnAddressIsListenedAt() throws Exception {
        for (String body : new String[] {
            "{}",
            "[",
            "{\"address\":\"127.0.0.1\"}",
            "{\"address\":\"fe80::1\"}",
            "{\"address\":\"fe80::1%nothing0\"}",
            "{\"address\":\"2001:db8::1%lo\"}",
            "{\"address\":\"localhost\"}",
            "{\"address\":\"fe80::1%lo\"}"
        }) {
            assertThat(put("/listen", body)).as(body).isEqualTo(400);
        }
        assertThat(context.getBean(NbdServer.class).address().getAddress().isLoopbackAddress())
                .isTrue();
    }

    private int put(String path, String body) throws Exception {
        return send(admin(path)
                        .header("Content-Type", "application/json")
                        .PUT(HttpRequest.BodyPublishers.ofString(body)))
                .statusCode();
    }

    private int post(String body) throws Exception {
        return send(admin("/boot-ids")
                        .header("Content-Type", "application/json")
                        .POST(HttpRequest.BodyPublishers.ofString(body)))
                .statusCode();
    }

    @Test
    void healthAndMetricsAreServed() throws Exception {
        assertThat(actuator("health")).isEqualTo("{\"status\":\"UP\"}");
        assertThat(actuator("prometheus"))
                .contains("stiefel_nbd_requests_total{command=\"read\",export=\"root\",result=\"ok\"} 0.0")
                .contains("stiefel_nbd_request_seconds_bucket{command=\"write\",export=\"root\",le=\"0.001\"} 0")
                .contains("stiefel_nbd_bytes_total{direction=\"read\",export=\"root\"} 0.0")
                .contains("stiefel_nbd_connections{export=\"root\"} 0.0")
                .contains("stiefel_nbd_inflight_bytes 0.0")
                .contains("stiefel_nbd_lease{export=\"root\",state=\"free\"} 1.0")
                .contains("stiefel_nbd_lease{export=\"root\",state=\"held\"} 0.0");
    }

    @Test
    void aStopLetsGoOfTheDisk() {
        NbdServer server = context.getBean(NbdServer.class);
        assertThat(server.running()).isTrue();
        context.close();
        assertThat(server.running()).isFalse();
        context = run("run", "disk.img");
    }

    @Test
    void aDiskThatMayNotBeServedEndsTheStart() {
        assertThatExceptionOfType(Exception.class)
                .isThrownBy(() -> run("nothing", "nothing.img").close())
                .havingRootCause()
                .isInstanceOf(RefusedException.class)
                .withMessageContaining("nothing.img");
    }
}
