package org.stiefelsystem.shell.demo;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** The root partition in a disk image: where it lies, so that e2fsprogs can look into it without a loop device. */
public record RootPartition(Path image, long offset) {

    private static final int SECTOR = 512;

    /** The last partition of the demo's disk; sfdisk lists {@code image3 : start=     1234, size= …}. */
    public static RootPartition of(Path image, Lab lab) throws IOException, InterruptedException {
        List<String> partitions = lab.run("sfdisk", "--dump", image.toString())
                .lines()
                .filter(line -> line.contains("start="))
                .toList();
        if (partitions.isEmpty()) {
            throw new IOException(image + " has no partition table");
        }
        String start = partitions.getLast().replaceFirst(".*start= *([0-9]+),.*", "$1");
        return new RootPartition(image, Long.parseLong(start) * SECTOR);
    }

    /** Its name for e2fsck and debugfs. */
    public String device() {
        return offset == 0 ? image.toString() : image + "?offset=" + offset;
    }

    /**
     * Checks the file system without changing it.
     *
     * @return what e2fsck says
     * @throws IOException when the file system is not clean, or its journal still holds what belongs into it
     */
    public String check(Lab lab) throws IOException, InterruptedException {
        String answer = lab.run("sh", "-c", "e2fsck -fn \"$0\" 2>&1", device());
        if (answer.contains("journal recovery")) {
            throw new IOException("the file system was not unmounted:\n" + answer);
        }
        return answer;
    }

    /** A copy as the next mount would make it, for a file system that was not unmounted: with its journal replayed. */
    public RootPartition replayed(Path copy, Lab lab) throws IOException, InterruptedException {
        // The partition alone: e2fsck opens what it has replayed once more, and then forgets the offset.
        lab.run(
                "dd",
                "if=" + image,
                "of=" + copy,
                "bs=1M",
                "iflag=skip_bytes",
                "skip=" + offset,
                "conv=sparse",
                "status=none");
        RootPartition root = new RootPartition(copy, 0);
        // It ends with 1 when there was something to replay.
        lab.run("sh", "-c", "e2fsck -y -E journal_only \"$0\" 2>&1 || [ $? -eq 1 ]", root.device());
        return root;
    }

    /** What a file in it holds. */
    public String read(String path, Lab lab) throws IOException, InterruptedException {
        return lab.run("debugfs", "-R", "cat " + path, device());
    }

    /** The SHA-256 of a file in it. */
    public String sha256(String path, Lab lab) throws IOException, InterruptedException {
        return lab.run("sh", "-c", "debugfs -R \"cat $1\" \"$0\" 2>/dev/null | sha256sum", device(), path)
                .substring(0, 64);
    }
}
