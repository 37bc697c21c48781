package org.stiefelsystem.shell.setup;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import org.stiefelsystem.shell.CommandFailure;

/**
 * While it is open, no package that is installed starts its daemon: Debian's {@code invoke-rc.d} asks policy-rc.d, and 101
 * means forbidden. A policy of the machine's owner is left alone.
 */
final class ServiceDenial implements AutoCloseable {

    private static final String OURS =
            "#!/bin/sh\n# Put here by stiefelctl setup, which removes it when it ends.\nexit 101\n";

    private final Path policy;
    private final Thread atExit = new Thread(this::remove);
    private final boolean placed;
    private final FileChannel installation;

    ServiceDenial(Path policy, Path lock) {
        this.policy = policy;
        installation = alone(lock);
        placed = place();
        if (placed) {
            Runtime.getRuntime().addShutdownHook(atExit);
        }
    }

    static ServiceDenial onThisMachine() {
        return new ServiceDenial(Path.of("/usr/sbin/policy-rc.d"), Path.of("/var/lock/stiefelctl-setup.lock"));
    }

    boolean isPlaced() {
        return placed;
    }

    /** One setup at a time: the first to end would let the daemons of the second one's packages start. */
    private static FileChannel alone(Path lock) {
        try {
            FileChannel channel = FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            if (channel.tryLock() == null) {
                System.err.println("Another setup installs just now; waiting for it ...");
                channel.lock();
            }
            return channel;
        } catch (IOException e) {
            throw CommandFailure.failed(
                    lock + " cannot be locked: " + e.getMessage(),
                    "Run this as root, or install the packages yourself.");
        }
    }

    private boolean place() {
        try {
            if (Files.exists(policy)) {
                // Ours is left over from a setup that was killed; it is taken over.
                return Files.readString(policy).equals(OURS);
            }
            Files.createFile(
                    policy, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
            Files.writeString(policy, OURS, StandardOpenOption.TRUNCATE_EXISTING);
            Files.setPosixFilePermissions(policy, PosixFilePermissions.fromString("rwxr-xr-x"));
            return true;
        } catch (FileAlreadyExistsException e) {
            return false;
        } catch (IOException e) {
            throw CommandFailure.failed(
                    policy + " cannot be written, so daemons would start: " + e.getMessage(),
                    "Run this as root, or install the packages yourself.");
        }
    }

    @Override
    public void close() {
        if (placed) {
            remove();
            try {
                Runtime.getRuntime().removeShutdownHook(atExit);
            } catch (IllegalStateException e) {
                // The machine's end is already on its way and calls it once more, which does no harm.
            }
        }
        try {
            installation.close();
        } catch (IOException e) {
            // The lock ends with this process.
        }
    }

    private void remove() {
        try {
            Files.deleteIfExists(policy);
        } catch (IOException e) {
            System.err.println("error: " + policy + " could not be removed: " + e.getMessage());
            System.err.println("Remove it, or services will not start after an upgrade.");
        }
    }
}
