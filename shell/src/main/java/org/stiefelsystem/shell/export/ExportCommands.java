package org.stiefelsystem.shell.export;

import java.io.PrintWriter;
import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.shell.core.command.CommandContext;
import org.springframework.shell.core.command.annotation.Argument;
import org.springframework.shell.core.command.annotation.Command;
import org.springframework.shell.core.command.annotation.Option;
import org.springframework.stereotype.Component;
import org.stiefelsystem.nbd.app.BlockExportApplication;
import org.stiefelsystem.nbd.server.NbdServer;
import org.stiefelsystem.shell.CommandFailure;
import org.stiefelsystem.shell.ListeningSockets;
import org.stiefelsystem.shell.ServiceContext;
import org.stiefelsystem.shell.Settings;

@Component
class ExportCommands {

    private final Settings settings;

    ExportCommands(Settings settings) {
        this.settings = settings;
    }

    @Command(
            name = "export",
            description = "serve one disk or file over NBD, in the foreground",
            help = "The first line, once it accepts: ready nbd://ADDR:PORT/NAME pid=N",
            group = "Host")
    void export(
            CommandContext context,
            @Argument(index = 0, description = "the disk, a device or a file") String path,
            @Option(longName = "name", description = "the export's name", required = true) String name,
            @Option(longName = "port", description = "default 10809; 0: any that is free") @Nullable Integer port,
            @Option(longName = "bind", description = "default 127.0.0.1") @Nullable String bind,
            @Option(longName = "read-only", description = "refuse writes; many clients") boolean readOnly,
            @Option(longName = "overlay", description = "comes with a later version") boolean overlay,
            @Option(longName = "tls", description = "comes with a later version") @Nullable String tls)
            throws InterruptedException {
        if (overlay) {
            throw CommandFailure.usage("--overlay comes with a later version", "Copy the file, or use --read-only.");
        }
        if (tls != null) {
            throw CommandFailure.usage(
                    "--tls comes with a later version", "Bind to 127.0.0.1 and use a tunnel, for example ssh -L.");
        }
        if (port != null && (port < 0 || port > 65535)) {
            throw CommandFailure.usage("--port " + port + " is not a port", "Use a number from 0 to 65535.");
        }
        if (path.isBlank()) {
            throw CommandFailure.usage("`export` wants a PATH that is not empty", "Run `stiefelctl help export`.");
        }
        if (name.isBlank()) {
            throw CommandFailure.usage("--name cannot be empty", "For example: --name root");
        }
        settings.port("stiefel.export.port");
        Map<String, String> chosen = new HashMap<>();
        chosen.put("stiefel.export.exports[0].name", name);
        chosen.put(
                "stiefel.export.exports[0].path", Path.of(path).toAbsolutePath().toString());
        chosen.put("stiefel.export.exports[0].read-only", String.valueOf(readOnly));
        // A tool's: the service that keeps its guests' leases may run beside it.
        chosen.put("stiefel.export.keep-leases", "false");
        if (port != null) {
            chosen.put("stiefel.export.port", port.toString());
        }
        if (bind != null) {
            chosen.put("stiefel.bind", bind);
        }
        // Another export may run here already; only its first one answers `status`.
        elsewhereIfTaken("stiefel.export.admin-port", chosen);
        elsewhereIfTaken("stiefel.export.actuator-port", chosen);
        try (ConfigurableApplicationContext service =
                ServiceContext.start(BlockExportApplication::builder, chosen, settings, beforehand -> {})) {
            PrintWriter output = context.outputWriter();
            output.println("ready " + uri(service.getBean(NbdServer.class).address(), name) + " pid="
                    + ProcessHandle.current().pid());
            output.flush();
            // Until Ctrl-C or SIGTERM.
            new CountDownLatch(1).await();
        }
    }

    private void elsewhereIfTaken(String setting, Map<String, String> chosen) {
        if (!settings.isChosen(setting)
                && ListeningSockets.ownerOf("tcp", settings.port(setting)).isPresent()) {
            chosen.put(setting, "0");
        }
    }

    static String uri(InetSocketAddress address, String name) {
        String host = address.getAddress().getHostAddress();
        if (address.getAddress() instanceof Inet6Address) {
            // RFC 6874: the zone's percent sign is written %25.
            host = "[" + host.replace("%", "%25") + "]";
        }
        return "nbd://" + host + ":" + address.getPort() + "/"
                + URLEncoder.encode(name, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
