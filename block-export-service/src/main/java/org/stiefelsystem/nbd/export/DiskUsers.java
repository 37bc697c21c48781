package org.stiefelsystem.nbd.export;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Names what uses a disk: mounts, swap, LVM, dm-crypt, RAID, loop devices. O_EXCL is what keeps a disk in use from
 * being served; this is what tells the person why.
 */
final class DiskUsers {

    static final Path SYS_DEV_BLOCK = Path.of("/sys/dev/block");

    /** Names are bytes, and not all are UTF-8: read so that no byte is an error, and made paths by {@link #path}. */
    private static final Charset KERNEL_TEXT = StandardCharsets.ISO_8859_1;

    /** How Java makes a path of bytes. */
    private static final Charset NAMES = Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));

    private DiskUsers() {}

    static void refuseDeviceInUse(Path device) throws IOException {
        Map<String, String> parts = deviceAndPartitions(number(device));
        for (Mount mount : mounts()) {
            String part = parts.get(mount.device);
            if (part != null) {
                throw inUse(
                        device,
                        "%s is mounted on %s".formatted(part, mount.directory),
                        "Unmount it first: umount %s".formatted(mount.directory));
            }
        }
        for (Path swap : swaps()) {
            String part = Files.exists(swap) ? parts.get(number(swap)) : null;
            if (part != null) {
                throw inUse(device, "%s is swap space in use".formatted(part), "Switch it off: swapoff " + swap);
            }
        }
        for (Map.Entry<String, String> part : parts.entrySet()) {
            for (Path holder : children(SYS_DEV_BLOCK.resolve(part.getKey()).resolve("holders"))) {
                throw heldByMapping(device, part.getValue(), holder);
            }
        }
    }

    static void refuseFileInUse(Path file) throws IOException {
        for (Path swap : swaps()) {
            if (Files.exists(swap) && Files.isSameFile(swap, file)) {
                throw inUse(file, "it is a swap file in use", "Switch it off: swapoff " + swap);
            }
        }
        for (Path device : children(Path.of("/sys/block"))) {
            Optional<Path> backing = line(device.resolve("loop/backing_file")).flatMap(DiskUsers::path);
            if (backing.isPresent() && Files.exists(backing.get()) && Files.isSameFile(backing.get(), file)) {
                Path loop = Path.of("/dev").resolve(device.getFileName());
                throw inUse(file, "it lies behind %s".formatted(loop), "Detach it first: losetup -d " + loop);
            }
        }
    }

    /** {@code holder} is what the kernel tells of it, such as /sys/dev/block/8:1/holders/dm-0. */
    static RefusedException heldByMapping(Path disk, String part, Path holder) {
        String name =
                line(holder.resolve("dm/name")).orElse(holder.getFileName().toString());
        String uuid = line(holder.resolve("dm/uuid")).orElse("");
        if (uuid.startsWith("LVM-")) {
            return inUse(
                    disk,
                    "%s belongs to the active LVM volume %s".formatted(part, name),
                    "Deactivate its volume group: vgchange -an (vgs lists the groups)");
        }
        if (uuid.startsWith("CRYPT-")) {
            return inUse(
                    disk, "%s is open for dm-crypt as %s".formatted(part, name), "Close it: cryptsetup close " + name);
        }
        if (name.startsWith("md")) {
            return inUse(
                    disk, "%s is part of the RAID /dev/%s".formatted(part, name), "Stop it: mdadm --stop /dev/" + name);
        }
        return inUse(
                disk,
                "%s is mapped by the device mapper as %s".formatted(part, name),
                "Remove the mapping: dmsetup remove " + name);
    }

    private static RefusedException inUse(Path disk, String why, String remedy) {
        return new RefusedException(
                "%s is not served: %s (%s).".formatted(disk, why, DiskOpener.RULE),
                remedy + ", or serve another disk.");
    }

    /** Number to name of the device and, for a whole disk, of its partitions. */
    private static Map<String, String> deviceAndPartitions(String number) throws IOException {
        Map<String, String> parts = new LinkedHashMap<>();
        Path sys = SYS_DEV_BLOCK.resolve(number);
        if (!Files.exists(sys)) {
            return parts;
        }
        Path disk = sys.toRealPath();
        parts.put(number, "/dev/" + disk.getFileName());
        for (Path child : children(disk)) {
            if (Files.exists(child.resolve("partition"))) {
                line(child.resolve("dev")).ifPresent(dev -> parts.put(dev, "/dev/" + child.getFileName()));
            }
        }
        return parts;
    }

    /** {@code major:minor} of a block device. */
    static String number(Path device) throws IOException {
        long rdev = (long) Files.getAttribute(device, "unix:rdev");
        long major = ((rdev >>> 8) & 0xfff) | ((rdev >>> 32) & ~0xfffL);
        long minor = (rdev & 0xff) | ((rdev >>> 12) & ~0xffL & 0xffffffffL);
        return major + ":" + minor;
    }

    private record Mount(String device, String directory) {}

    /** proc(5), mountinfo: {@code id parent major:minor root directory options … - type source options}. */
    private static List<Mount> mounts() throws IOException {
        List<Mount> mounts = new ArrayList<>();
        for (String line : text(Path.of("/proc/self/mountinfo"))) {
            String[] words = line.split(" ");
            String directory = new String(unescaped(words[4]).getBytes(KERNEL_TEXT), NAMES);
            mounts.add(new Mount(words[2], directory));
            // Btrfs has numbers of its own and names its device only here.
            int separator = List.of(words).indexOf("-");
            Optional<Path> source = path(unescaped(words[separator + 2]));
            if (source.filter(DiskUsers::mayBeDevice).isPresent()) {
                mounts.add(new Mount(number(source.get()), directory));
            }
        }
        return mounts;
    }

    private static List<Path> swaps() throws IOException {
        List<Path> swaps = new ArrayList<>();
        Path table = Path.of("/proc/swaps");
        if (Files.exists(table)) {
            List<String> lines = text(table);
            for (String line : lines.subList(Math.min(1, lines.size()), lines.size())) {
                path(unescaped(line.replaceFirst("\\s.*", ""))).ifPresent(swaps::add);
            }
        }
        return swaps;
    }

    private static List<String> text(Path file) throws IOException {
        return Files.readAllLines(file, KERNEL_TEXT);
    }

    /** A name that cannot be a path of Java's is none of what is to be served, which is one. */
    static Optional<Path> path(String kernelText) {
        try {
            return Optional.of(Path.of(new String(kernelText.getBytes(KERNEL_TEXT), NAMES)));
        } catch (InvalidPathException e) {
            return Optional.empty();
        }
    }

    private static boolean mayBeDevice(Path source) {
        return source.isAbsolute() && Files.exists(source) && !Files.isDirectory(source);
    }

    /** The kernel writes blank, tab, newline and backslash of a path as three octal digits. */
    private static String unescaped(String path) {
        return path.replace("\\040", " ")
                .replace("\\011", "\t")
                .replace("\\012", "\n")
                .replace("\\134", "\\");
    }

    private static Optional<String> line(Path file) {
        try {
            return Optional.of(Files.readString(file, KERNEL_TEXT).trim());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static List<Path> children(Path directory) {
        List<Path> children = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(directory)) {
            entries.forEach(children::add);
        } catch (IOException e) {
            return List.of();
        }
        children.sort(null);
        return children;
    }
}
