package org.stiefelsystem.discovery.app;

import io.micrometer.core.instrument.MeterRegistry;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.time.Clock;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.integration.config.EnableIntegration;
import org.springframework.integration.dsl.IntegrationFlow;
import org.springframework.integration.ip.dsl.Udp;
import org.stiefelsystem.discovery.CannotStart;
import org.stiefelsystem.discovery.DiscoveryConversation;
import org.stiefelsystem.discovery.DiscoveryResponder;
import org.stiefelsystem.discovery.LinkLocal;
import org.stiefelsystem.discovery.LinkUpkeep;
import org.stiefelsystem.discovery.NetworkLinks;
import org.stiefelsystem.discovery.PlainOffer;
import org.stiefelsystem.discovery.SocketOwner;
import org.stiefelsystem.discovery.SourceLimit;

/** The object graph of the discovery service. */
@Configuration(proxyBeanMethods = false)
@EnableIntegration
@EnableConfigurationProperties(DiscoveryProperties.class)
class DiscoveryConfiguration {

    @Bean
    NetworkLinks networkLinks() {
        try {
            return new NetworkLinks(IpAddressShow::links, Clock.systemUTC());
        } catch (UncheckedIOException e) {
            throw new CannotStart(
                    "The network links cannot be looked at: "
                            + Objects.requireNonNull(e.getCause()).getMessage(),
                    "This needs the program ip of iproute2, and not another one of that name: apt-get install iproute2");
        }
    }

    @Bean
    AdminToken adminToken(DiscoveryProperties properties) {
        return AdminToken.in(properties.runDir());
    }

    @Bean
    PlainOffer plainOffer(DiscoveryProperties properties, NetworkLinks links) {
        switch (properties.transport()) {
            case WIREGUARD ->
                throw new CannotStart(
                        "WireGuard comes with a later version",
                        "use --transport plain --link IF (stiefel.transport=plain, stiefel.link=IF)." + " Links here: "
                                + names(links));
            case PLAIN -> {}
        }
        String link = properties.link();
        if (link == null || link.isBlank()) {
            throw new CannotStart(
                    "plain transport needs the name of the one link that is trusted",
                    "name it with --link IF (stiefel.link=IF). Links here: " + names(links));
        }
        if (links.named(link).isEmpty()) {
            throw new CannotStart("There is no link " + link, "Name one of those that are here: " + names(links));
        }
        return new PlainOffer(
                link,
                address(properties.bind(), "stiefel.bind", links),
                properties.payload().port());
    }

    @Bean
    DatagramSocket discoverySocket(DiscoveryProperties properties, PlainOffer decided) throws SocketException {
        int port = properties.discovery().port();
        try {
            return new DatagramSocket(port);
        } catch (BindException e) {
            throw new CannotStart(
                    "UDP port " + port + " is in use"
                            + SocketOwner.of("udp", port)
                                    .map(owner -> " by " + owner)
                                    .orElse(""),
                    "End that process, or choose another port with stiefel.discovery.port"
                            + " (guests only ask at 61570).");
        }
    }

    @Bean
    DiscoveryConversation discoveryConversation(LinkListeners listeners, NetworkLinks links, MeterRegistry meters) {
        return new DiscoveryConversation(new DiscoveryResponder(listeners::offer), links, meters, System::nanoTime);
    }

    @Bean
    DatagramInbound datagramInbound(DatagramSocket discoverySocket, DiscoveryConversation conversation) {
        return new DatagramInbound(
                discoverySocket, new SourceLimit(SourceLimit.Rate.DEFAULT, System::nanoTime), conversation);
    }

    /** The way of one datagram; everything before the conversation is in {@link DatagramInbound}. */
    @Bean
    IntegrationFlow discoveryFlow(DatagramInbound inbound, DiscoveryConversation conversation) {
        return IntegrationFlow.from(inbound)
                .handle(
                        byte[].class,
                        (datagram, headers) -> conversation
                                .answer(
                                        datagram,
                                        DatagramInbound.sender(headers).getAddress(),
                                        DatagramInbound.arrived(headers))
                                .orElse(null))
                // Through the socket that it came in by: the guest sees the port that it asked.
                .handle(Udp.outboundAdapter(answer -> DatagramInbound.sender(answer.getHeaders()))
                        .socketFunction(answer -> inbound.getSocket()))
                .get();
    }

    @Bean
    LinkListeners linkListeners(
            DiscoveryProperties properties, PlainOffer offer, NetworkLinks links, Doors doors, AdminToken token) {
        // Listeners elsewhere, on loopback or at all addresses, do not depend on this link.
        LinkLocal first = links.named(offer.link())
                .flatMap(link -> LinkLocal.of(offer.bind(), link))
                .orElse(null);
        DiscoveryProperties.Discovery discovery = properties.discovery();
        return new LinkListeners(
                offer,
                first,
                // The export first: a guest's root waits for it.
                List.of(
                        new AdminListener("export", discovery.exportAdmin(), token),
                        new AdminListener("payload", discovery.payloadAdmin(), token),
                        doors),
                Thread::sleep);
    }

    @Bean
    LinkWatch linkWatch(
            NetworkLinks links,
            DatagramSocket discoverySocket,
            PlainOffer offer,
            MeterRegistry meters,
            LinkListeners listeners) {
        return new LinkWatch(
                links,
                new AllNodes(discoverySocket),
                new LinkMeters(offer.link(), meters),
                new LinkUpkeep(offer.link(), System::nanoTime),
                listeners);
    }

    @Bean
    DiscoveryLifecycle discoveryLifecycle(PlainOffer offer, LinkWatch watch) {
        return new DiscoveryLifecycle(offer, watch);
    }

    @Bean
    HealthIndicator discoveryHealthIndicator(DatagramInbound inbound) {
        return () -> (inbound.isListening() ? Health.up() : Health.down()).build();
    }

    @Bean
    StateController stateController() {
        return new StateController();
    }

    @Bean
    LinksController linksController(NetworkLinks links, LinkListeners listeners) {
        return new LinksController(links, listeners);
    }

    @Bean
    Doors doors(DiscoveryProperties properties, PlainOffer offer, NetworkLinks links, AdminToken token) {
        DiscoveryProperties.Discovery discovery = properties.discovery();
        InetAddress actuator = address(properties.actuator().bind(), "stiefel.actuator.bind", links);
        return new Doors(InetAddress.getLoopbackAddress(), discovery.adminPort(), Set.of("/links"), token)
                .link(offer.bind(), discovery.statePort(), Set.of("/state"))
                .actuator(actuator, discovery.actuatorPort());
    }

    @Bean
    WebServerFactoryCustomizer<TomcatServletWebServerFactory> discoveryDoors(Doors doors) {
        return doors::installIn;
    }

    private static InetAddress address(String text, String property, NetworkLinks links) {
        try {
            return InetAddress.getByName(text);
        } catch (UnknownHostException e) {
            throw new CannotStart(
                    property + "=" + text + " is no address of this machine",
                    "Set it to an address that is here; a link-local one needs its link, as in fe80::1%eth0."
                            + " Links here: " + names(links));
        }
    }

    private static String names(NetworkLinks links) {
        return Optional.of(links.all().stream()
                        .map(link -> link.up() ? link.name() : link.name() + " (down)")
                        .collect(Collectors.joining(", ")))
                .filter(names -> !names.isEmpty())
                .orElse("none");
    }
}
