package org.stiefelsystem.boot;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import org.stiefelsystem.shell.demo.Accelerator;
import org.stiefelsystem.shell.demo.Lab;
import org.stiefelsystem.shell.demo.QemuMachine;

/** A lab, a directory and the machines in them; all of it goes when the test ends, however it ends. */
final class MachineRoom implements Closeable {

    /** The desktop's end of the cable. */
    static final String TAP = "desktop0";

    private final Project project;
    private final Path image;
    private final Path demoDisk;
    private final Path directory;
    private final Lab lab;
    private final List<Closeable> machines = new ArrayList<>();
    private boolean hasTap;

    private MachineRoom(Project project, Path image, Path demoDisk, Path directory, Lab lab) {
        this.project = project;
        this.image = image;
        this.demoDisk = demoDisk;
        this.directory = directory;
        this.lab = lab;
    }

    /** Skips the calling test, or fails it in CI, where virtual machines cannot be had. */
    static MachineRoom open(Project project) throws IOException, InterruptedException {
        Project.requires("root", Project.isRoot());
        Project.requires("qemu-system-x86_64", Project.hasProgram("qemu-system-x86_64"));
        Path image = project.image();
        Path demoDisk = project.demoDisk();
        project.buildLauncher();
        Path directory = Files.createTempDirectory("stiefel-");
        return new MachineRoom(project, image, demoDisk, directory, Lab.isolated());
    }

    Lab lab() {
        return lab;
    }

    Path path(String name) {
        return directory.resolve(name);
    }

    /** Where the kernel and the initrd of the demo's system lie. */
    Path boot() {
        return demoDisk.resolve("boot");
    }

    /** The same, with more on the kernel's command line. */
    Path bootWith(String parameters) throws IOException, InterruptedException {
        Path boot = path("boot");
        lab.run("cp", "-a", boot().toString(), boot.toString());
        Path cmdline = boot.resolve("cmdline");
        Files.writeString(cmdline, Files.readString(cmdline).strip() + " " + parameters + "\n");
        return boot;
    }

    /** A disk of its own, with the demo's system on it. */
    Path newDisk(String name) throws IOException, InterruptedException {
        Path disk = path(name);
        lab.run("cp", "--sparse=always", demoDisk.resolve("disk.img").toString(), disk.toString());
        return disk;
    }

    Host serve(Host.Machine machine, Path disk, Path boot) throws IOException, InterruptedException {
        Host host = Host.serve(machine, directory, disk, boot);
        machines.add(host);
        return host;
    }

    /** A desktop without a disk that starts StiefelOS. */
    QemuMachine switchOnDesktop(String mac, String model) throws IOException, InterruptedException {
        if (!hasTap) {
            lab.addTap(TAP);
            hasTap = true;
        }
        Path kernel = image.resolve("kernel");
        QemuMachine desktop = QemuMachine.start(
                lab,
                directory,
                "desktop",
                new QemuMachine.Hardware(
                        Accelerator.find(kernel, project.var().resolve("cache")),
                        768,
                        2,
                        kernel,
                        image.resolve("base.initrd"),
                        "console=ttyS0 quiet stiefel.transport=plain",
                        List.of(new QemuMachine.Nic(TAP, mac, model))));
        machines.add(desktop);
        return desktop;
    }

    /** What all machines have printed. */
    String consoles() throws IOException {
        StringBuilder all = new StringBuilder();
        for (Closeable machine : machines) {
            if (machine instanceof QemuMachine desktop) {
                all.append("---- the desktop's console\n")
                        .append(desktop.console().transcript());
            } else if (machine instanceof Host host) {
                all.append("\n---- the log of ")
                        .append(host.name())
                        .append('\n')
                        .append(host.log());
            }
        }
        return all.toString();
    }

    @Override
    public void close() throws IOException {
        try {
            for (Closeable machine : machines.reversed()) {
                machine.close();
            }
        } finally {
            try {
                lab.close();
            } finally {
                delete(directory);
            }
        }
    }

    private static void delete(Path tree) throws IOException {
        Files.walkFileTree(tree, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, @org.jspecify.annotations.Nullable IOException e)
                    throws IOException {
                Files.delete(directory);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
