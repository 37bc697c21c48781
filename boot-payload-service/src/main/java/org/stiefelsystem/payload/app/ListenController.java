package org.stiefelsystem.payload.app;

import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.http.HttpStatus;
import org.springframework.http.ProblemDetail;
import org.springframework.web.ErrorResponseException;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.stiefelsystem.payload.GuestAddress;

/** Where discovery says that the link has another address. */
@RestController
class ListenController {

    private static final Logger log = LoggerFactory.getLogger(ListenController.class);

    private final Doors doors;

    ListenController(Doors doors) {
        this.doors = doors;
    }

    /**
     * Where to listen.
     *
     * @param address such as {@code fe80::5054:ff:fe12:3456%eth1}
     */
    record Listen(@Nullable String address) {}

    @PutMapping("/listen")
    @ResponseStatus(HttpStatus.NO_CONTENT)
    void listen(@RequestBody Listen wanted) {
        Inet6Address address = linkLocal(wanted.address())
                .orElseThrow(() -> problem(
                        HttpStatus.BAD_REQUEST,
                        "address is an IPv6 link-local address with a link of this machine, as in fe80::1%eth0.",
                        null));
        try {
            doors.moveLink(address);
            log.info("Listening at {}", GuestAddress.text(address));
        } catch (IOException e) {
            log.warn("Cannot listen at {}: {}", GuestAddress.text(address), e.getMessage());
            throw problem(HttpStatus.CONFLICT, "Cannot listen there: " + e.getMessage(), e);
        }
    }

    private static Optional<Inet6Address> linkLocal(@Nullable String text) {
        try {
            return text != null
                            && InetAddress.ofLiteral(text) instanceof Inet6Address address
                            && address.isLinkLocalAddress()
                            // A number is taken for a scope, whether there is a link of that number or not.
                            && NetworkInterface.getByIndex(address.getScopeId()) != null
                    ? Optional.of(address)
                    : Optional.empty();
        } catch (IllegalArgumentException | SocketException e) {
            return Optional.empty();
        }
    }

    private static ErrorResponseException problem(HttpStatus status, String words, @Nullable Exception cause) {
        return new ErrorResponseException(status, ProblemDetail.forStatusAndDetail(status, words), cause);
    }
}
