package org.stiefelsystem.payload.app;

import jakarta.servlet.ServletException;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.apache.coyote.http11.Http11NioProtocol;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.stiefelsystem.payload.AdminToken;
import org.stiefelsystem.payload.CannotStart;
import org.stiefelsystem.payload.SocketOwner;

/**
 * The addresses that the service listens at, and the paths that exist behind each: one Tomcat serves them all, and a path
 * that is not of the door that a request came in by is not there.
 */
class Doors extends ValveBase {

    private static final String BEARER = "Bearer ";
    private static final Set<String> ACTUATOR = Set.of("/actuator/health", "/actuator/prometheus");

    private static final Pattern LOOPBACK_HOST = Pattern.compile("(127\\.0\\.0\\.1|localhost|\\[::1])(:[0-9]{1,5})?");

    private final Map<Connector, Set<String>> others = new LinkedHashMap<>();
    private Set<String> linkPaths = Set.of();
    private InetAddress linkAddress = InetAddress.getLoopbackAddress();
    private int linkPort;
    private @Nullable Connector adminConnector;
    private @Nullable AdminToken token;

    Doors() {
        super(true);
    }

    Doors link(InetAddress address, int port, Set<String> paths) {
        linkAddress = address;
        linkPort = port;
        linkPaths = paths;
        return this;
    }

    Doors admin(InetAddress address, int port, Set<String> paths, AdminToken opener) {
        Connector connector = connector(address, port);
        others.put(connector, paths);
        adminConnector = connector;
        token = opener;
        return this;
    }

    Doors actuator(InetAddress address, int port) {
        others.put(connector(address, port), ACTUATOR);
        return this;
    }

    private static Connector connector(InetAddress address, int port) {
        requireFree(address, port);
        Http11NioProtocol protocol = new Http11NioProtocol();
        protocol.setAddress(address);
        protocol.setMaxThreads(4);
        protocol.setMinSpareThreads(1);
        protocol.setMaxConnections(16);
        protocol.setConnectionTimeout(10_000);
        Connector connector = new Connector(protocol);
        connector.setPort(port);
        return connector;
    }

    void installIn(TomcatServletWebServerFactory factory) {
        requireFree(linkAddress, linkPort);
        factory.setAddress(linkAddress);
        factory.setPort(linkPort);
        factory.addAdditionalConnectors(others.keySet().toArray(Connector[]::new));
        factory.addEngineValves(this);
    }

    @Override
    public void invoke(Request request, Response response) throws IOException, ServletException {
        Set<String> paths = others.getOrDefault(request.getConnector(), linkPaths);
        if (request.getConnector().equals(adminConnector)) {
            String host = request.getHeader("Host");
            // A web page that had its name resolve to 127.0.0.1 comes with that name.
            if (host == null || !LOOPBACK_HOST.matcher(host).matches()) {
                problem(response, 403, "Forbidden", "Ask at 127.0.0.1, localhost or [::1].");
                return;
            }
            if (!authorized(request.getHeader("Authorization"))) {
                response.setHeader("WWW-Authenticate", "Bearer");
                problem(response, 401, "Unauthorized", "This needs the token in the run directory's admin.token.");
                return;
            }
        }
        // The path as it was sent: what is written in any other way is another path.
        String path = request.getRequestURI();
        // There is none in a request that is no HTTP at all.
        if (path != null && paths.contains(path)) {
            getNext().invoke(request, response);
        } else {
            problem(response, 404, "Not Found", "There is nothing at this path.");
        }
    }

    private boolean authorized(@Nullable String authorization) {
        return token != null
                && authorization != null
                && authorization.startsWith(BEARER)
                && token.opens(authorization.substring(BEARER.length()));
    }

    private static void problem(Response response, int status, String title, String detail) throws IOException {
        // Tomcat closes the body of a request that it took for invalid, such as /../x, before we see it.
        response.setSuspended(false);
        byte[] problem = "{\"title\":\"%s\",\"status\":%d,\"detail\":\"%s\"}"
                .formatted(title, status, detail)
                .getBytes(StandardCharsets.UTF_8);
        response.setStatus(status);
        response.setContentType("application/problem+json");
        response.setContentLength(problem.length);
        response.getOutputStream().write(problem);
    }

    /** Tomcat would tell the port and a stack trace; we tell who has it. */
    private static void requireFree(InetAddress address, int port) {
        try (ServerSocket trial = new ServerSocket()) {
            trial.bind(new InetSocketAddress(address, port));
        } catch (BindException e) {
            String what = "TCP port " + port + " at " + address.getHostAddress();
            throw SocketOwner.of("tcp", port)
                    .map(owner -> new CannotStart(
                            what + " is in use by " + owner, "End that process, or choose another port."))
                    .orElseGet(() -> new CannotStart(
                            "Cannot listen at " + what + ": " + e.getMessage(),
                            "Choose an address that this machine has and a port that is free."));
        } catch (IOException e) {
            throw new CannotStart(
                    "Cannot listen at " + address.getHostAddress() + ": " + e.getMessage(),
                    "Choose an address that this machine has.");
        }
    }
}
