package org.stiefelsystem.discovery.app;

import jakarta.servlet.ServletException;
import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.apache.coyote.http11.Http11NioProtocol;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.stiefelsystem.discovery.CannotStart;
import org.stiefelsystem.discovery.SocketOwner;

/**
 * The addresses that the service listens at, and the paths that exist behind each: one Tomcat serves them all, and a path
 * that is not of the door that a request came in by is not there.
 */
class Doors extends ValveBase {

    private static final Set<String> ACTUATOR = Set.of("/actuator/health", "/actuator/prometheus");

    private final Map<Connector, Set<String>> others = new HashMap<>();
    private Set<String> linkPaths = Set.of();
    private InetAddress linkAddress = InetAddress.getLoopbackAddress();
    private int linkPort;

    Doors() {
        super(true);
    }

    Doors link(InetAddress address, int port, Set<String> paths) {
        linkAddress = address;
        linkPort = port;
        linkPaths = paths;
        return this;
    }

    Doors actuator(InetAddress address, int port) {
        requireFree(address, port);
        Http11NioProtocol protocol = new Http11NioProtocol();
        protocol.setAddress(address);
        protocol.setMaxThreads(4);
        protocol.setMinSpareThreads(1);
        protocol.setMaxConnections(16);
        protocol.setConnectionTimeout(10_000);
        Connector connector = new Connector(protocol);
        connector.setPort(port);
        others.put(connector, ACTUATOR);
        return this;
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
        // The path as it was sent: what is written in any other way is another path.
        String path = request.getRequestURI();
        // There is none in a request that is no HTTP at all.
        if (path != null && paths.contains(path)) {
            getNext().invoke(request, response);
            return;
        }
        // Tomcat closes the body of a request that it took for invalid, such as /../x, before we see it.
        response.setSuspended(false);
        byte[] problem = "{\"title\":\"Not Found\",\"status\":404,\"detail\":\"There is nothing at this path.\"}"
                .getBytes(StandardCharsets.UTF_8);
        response.setStatus(404);
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
