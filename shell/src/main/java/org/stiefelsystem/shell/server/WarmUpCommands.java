package org.stiefelsystem.shell.server;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.springframework.shell.core.command.CommandContext;
import org.springframework.shell.core.command.annotation.Command;
import org.springframework.stereotype.Component;
import org.stiefelsystem.shell.CommandFailure;
import org.stiefelsystem.shell.Settings;

/** The launcher trains the JVM's AOT cache with this: everything starts once, on free ports of loopback, and ends. */
@Component
class WarmUpCommands {

    private static final List<String> PORTS = List.of(
            "discovery.port",
            "discovery.state-port",
            "discovery.admin-port",
            "discovery.actuator-port",
            "payload.admin-port",
            "payload.actuator-port",
            "export.port",
            "export.admin-port",
            "export.actuator-port");

    @Command(name = "warm-up", description = "load what the commands need", hidden = true)
    void warmUp(CommandContext context) throws IOException {
        Path directory = Files.createTempDirectory("stiefel-warm-up");
        Path disk = Files.write(directory.resolve("disk"), new byte[4096]);
        Path kernel = Files.write(directory.resolve("vmlinuz-0"), new byte[1]);
        Path initrd = Files.write(directory.resolve("initrd.img-0"), new byte[1]);
        try {
            Map<String, String> settings = new HashMap<>();
            PORTS.forEach(port -> settings.put("stiefel." + port, "0"));
            // Discovery tells this one to guests and so wants to know it beforehand.
            settings.put("stiefel.payload.port", String.valueOf(freePort()));
            settings.put("stiefel.run-dir", directory.toString());
            settings.put("stiefel.transport", "plain");
            settings.put("stiefel.link", "lo");
            settings.put("stiefel.export.exports[0].name", "root");
            settings.put("stiefel.export.exports[0].path", disk.toString());
            settings.put("stiefel.payload.kernel", kernel.toString());
            settings.put("stiefel.payload.initrd", initrd.toString());
            settings.put("stiefel.payload.cmdline", "ro");
            Settings here = new Settings(directory.resolve("none"), Map.of("STIEFEL_RUN_DIR", directory.toString()));
            try (AllInOne services = AllInOne.start(settings, here)) {
                services.events().sinceLastLook();
            } catch (CommandFailure e) {
                // Discovery wants `ip`, which `setup` may not have installed yet; the rest has been loaded by then.
                context.outputWriter().println(e.what());
            }
        } finally {
            for (String file : List.of("disk", "vmlinuz-0", "initrd.img-0", "admin.token", "export-boot-ids")) {
                Files.deleteIfExists(directory.resolve(file));
            }
            Files.deleteIfExists(directory);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }
}
