package org.stiefelsystem.nbd.export;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.stiefelsystem.nbd.linux.LinuxFile;

/**
 * What the kernel says in /sys of how a block device, or the disk that it is a partition of, takes requests.
 *
 * @param rotational whether heads have to move
 * @param zeroesItself whether the device can zero a range without being sent the zeroes; false where nobody knows
 */
record BlockDeviceQueue(boolean rotational, boolean zeroesItself) {

    static BlockDeviceQueue of(LinuxFile device) {
        try {
            Path sys = DiskUsers.SYS_DEV_BLOCK
                    .resolve(DiskUsers.number(device.magicLink()))
                    .toRealPath();
            Path queue = sys.resolve("queue");
            Path found = Files.isDirectory(queue) ? queue : sys.resolveSibling("queue");
            return new BlockDeviceQueue(number(found, "rotational") > 0, number(found, "write_zeroes_max_bytes") > 0);
        } catch (IOException | NumberFormatException e) {
            return new BlockDeviceQueue(false, false);
        }
    }

    private static long number(Path queue, String name) throws IOException {
        return Long.parseLong(Files.readString(queue.resolve(name)).strip());
    }
}
