package org.stiefelsystem.nbd.server;

import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.stiefelsystem.nbd.export.Export;
import org.stiefelsystem.nbd.export.Exports;
import org.stiefelsystem.nbd.export.Leases;

/** A server on a port of its own, with these exports. */
record TestServer(Exports exports, NbdServer server) implements Closeable {

    static TestServer of(NbdLimits limits, Export... exported) throws IOException {
        Exports exports = new Exports(Leases.inMemory());
        for (Export export : exported) {
            exports.add(export);
        }
        NbdServer server = new NbdServer(
                new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0), exports, limits, NbdObserver.NONE);
        server.start();
        return new TestServer(exports, server);
    }

    InetSocketAddress address() {
        return server.address();
    }

    @Override
    public void close() {
        server.close();
        exports.close();
    }
}
