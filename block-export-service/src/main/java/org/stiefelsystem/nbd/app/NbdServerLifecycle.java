package org.stiefelsystem.nbd.app;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;
import org.stiefelsystem.nbd.export.PeerAddress;
import org.stiefelsystem.nbd.server.NbdServer;

/** Starts the server as the last of all and stops it as the first. */
class NbdServerLifecycle implements SmartLifecycle {

    private static final Logger log = LoggerFactory.getLogger(NbdServerLifecycle.class);

    private final NbdServer server;

    NbdServerLifecycle(NbdServer server) {
        this.server = server;
    }

    @Override
    public void start() {
        try {
            server.start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        log.info(
                "Serving NBD on {} port {}",
                PeerAddress.of(server.address().getAddress()),
                server.address().getPort());
    }

    @Override
    public void stop() {
        server.close();
    }

    @Override
    public boolean isRunning() {
        return server.running();
    }
}
