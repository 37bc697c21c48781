package org.stiefelsystem.discovery.app;

import jakarta.servlet.ServletException;
import java.io.IOException;
import java.net.BindException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import org.apache.catalina.Engine;
import org.apache.catalina.LifecycleException;
import org.apache.catalina.Service;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.apache.coyote.http11.Http11NioProtocol;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.stiefelsystem.discovery.CannotStart;
import org.stiefelsystem.discovery.LinkLocal;
import org.stiefelsystem.discovery.SocketOwner;

/**
 * The addresses that the service listens at, and the paths that exist behind each: one Tomcat serves them all, and a path
 * that is not of the door that a request came in by is not there. The link's door moves with the link.
 */
class Doors extends ValveBase implements LinkListeners.Listener {

    private static final Logger log = LoggerFactory.getLogger(Doors.class);

    private static final Set<String> ACTUATOR = Set.of("/actuator/health", "/actuator/prometheus");

    private static final Pattern LOOPBACK_HOST = Pattern.compile("(127\\.0\\.0\\.1|localhost|\\[::1])(:[0-9]{1,5})?");

    private final InetAddress adminAddress;
    private final int adminPort;
    private final Set<String> adminPaths;
    private final AdminToken token;
    private final Map<Connector, Set<String>> others = new ConcurrentHashMap<>();
    private Set<String> linkPaths = Set.of();
    private @Nullable Connector link;
    private InetAddress linkAddress = InetAddress.getLoopbackAddress();

    /** With the door that is always there, where only who has the token is let in. */
    Doors(InetAddress adminAddress, int adminPort, Set<String> adminPaths, AdminToken token) {
        super(true);
        this.adminAddress = adminAddress;
        this.adminPort = adminPort;
        this.adminPaths = adminPaths;
        this.token = token;
    }

    Doors link(InetAddress address, int port, Set<String> paths) {
        requireFree(address, port);
        linkPaths = paths;
        linkAddress = address;
        link = linkConnector(address, port);
        others.put(link, paths);
        return this;
    }

    Doors actuator(InetAddress address, int port) {
        requireFree(address, port);
        others.put(connector(address, port, 4, 16), ACTUATOR);
        return this;
    }

    private static Connector linkConnector(InetAddress address, int port) {
        return connector(address, port, 8, 64);
    }

    private static Connector connector(InetAddress address, int port, int threads, int connections) {
        Http11NioProtocol protocol = new Http11NioProtocol();
        protocol.setAddress(address);
        protocol.setMaxThreads(threads);
        protocol.setMinSpareThreads(1);
        protocol.setMaxConnections(connections);
        protocol.setAcceptCount(16);
        protocol.setConnectionTimeout(10_000);
        protocol.setKeepAliveTimeout(10_000);
        protocol.setMaxHttpRequestHeaderSize(8192);
        protocol.setMaxSwallowSize(65_536);
        Connector connector = new Connector(protocol);
        connector.setPort(port);
        return connector;
    }

    void installIn(TomcatServletWebServerFactory factory) {
        requireFree(adminAddress, adminPort);
        factory.setAddress(adminAddress);
        factory.setPort(adminPort);
        factory.addAdditionalConnectors(others.keySet().toArray(Connector[]::new));
        factory.addEngineValves(this);
    }

    @Override
    public String service() {
        return "discovery";
    }

    /** Opens the link's door there and closes it where it was; the other doors do not notice. */
    @Override
    public synchronized void listenAt(LinkLocal address) throws IOException {
        Connector old = Objects.requireNonNull(link, "There is no door on the link");
        Inet6Address to = address.address();
        // Two addresses are equal to Java whatever their scope.
        if (to.equals(linkAddress) && to.getScopeId() == ((Inet6Address) linkAddress).getScopeId()) {
            return;
        }
        Service service = ((Engine) getContainer()).getService();
        Connector moved = linkConnector(to, old.getLocalPort());
        moved.setThrowOnFailure(true);
        others.put(moved, linkPaths);
        try {
            service.addConnector(moved);
        } catch (IllegalArgumentException e) {
            others.remove(moved);
            service.removeConnector(moved);
            throw new IOException("port " + moved.getPort() + ": " + rootOf(e).getMessage(), e);
        }
        link = moved;
        linkAddress = to;
        // Aside: a connector gives requests under way some seconds, and they are of a link that is no more.
        Thread.ofVirtual().name("old-door").start(() -> close(service, old));
    }

    private void close(Service service, Connector old) {
        service.removeConnector(old);
        try {
            // Only this closes the socket.
            old.destroy();
        } catch (LifecycleException e) {
            log.warn("The door at the link's old address did not close", e);
        }
        others.remove(old);
    }

    private static Throwable rootOf(Throwable failure) {
        Throwable root = failure;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return root;
    }

    @Override
    public void invoke(Request request, Response response) throws IOException, ServletException {
        // A connector that is not known is the first of all.
        Set<String> paths = others.get(request.getConnector());
        if (paths == null) {
            String host = request.getHeader("Host");
            // A web page that had its name resolve to 127.0.0.1 comes with that name.
            if (host == null || !LOOPBACK_HOST.matcher(host).matches()) {
                problem(response, 403, "Forbidden", "Ask at 127.0.0.1, localhost or [::1].");
                return;
            }
            String authorization = request.getHeader("Authorization");
            if (authorization == null || !token.isIn(authorization)) {
                response.setHeader("WWW-Authenticate", "Bearer");
                problem(response, 401, "Unauthorized", "This needs the token in the run directory's admin.token.");
                return;
            }
            paths = adminPaths;
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
