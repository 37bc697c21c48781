package org.stiefelsystem.shell.setup;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.stiefelsystem.shell.ChildProcess;
import org.stiefelsystem.shell.CommandFailure;

/** Debian's package manager: waits for its lock, asks nothing, shows its own progress. */
final class Apt {

    private static final Map<String, String> QUIET =
            Map.of("DEBIAN_FRONTEND", "noninteractive", "NEEDRESTART_MODE", "l", "LC_ALL", "C.UTF-8");

    /** Another apt may be at work on a machine that has just started; its lock is waited for. */
    private static final List<String> OPTIONS = List.of("-o", "DPkg::Lock::Timeout=900", "-o", "APT::Color=0");

    private final PrintWriter output;

    Apt(PrintWriter output) {
        this.output = output;
    }

    void install(List<String> packages) throws InterruptedException {
        say("Looking for the newest package lists (apt-get update) ...");
        int updated = run(List.of("update", "-q", "-o", "APT::Update::Error-Mode=any"));
        if (updated != 0) {
            say("The package lists could not be refreshed; going on with the ones that are here.");
        }
        List<String> unknown = new ArrayList<>();
        for (String name : packages) {
            ChildProcess.Answer answer =
                    new ChildProcess("apt-cache", "policy", name).with(QUIET).ask();
            if (answer.lines().stream().noneMatch(line -> line.matches("\\s*Candidate: (?!\\(none\\)).+"))) {
                unknown.add(name);
            }
        }
        if (!unknown.isEmpty()) {
            throw CommandFailure.failed(
                    "apt has no package " + String.join(", ", unknown)
                            + (updated == 0 ? "" : ", and its lists could not be refreshed"),
                    updated == 0
                            ? "Look at /etc/apt: Debian's main section is needed (Debian 12 or newer, or a relative of it)."
                            : "Check the network and /etc/apt, then run `stiefelctl setup --yes` again.");
        }
        // An installation that was cut off earlier is ended first; apt refuses to go on otherwise.
        mustSucceed(
                new ChildProcess("dpkg", "--configure", "-a")
                        .with(QUIET)
                        .withoutInput()
                        .run(),
                packages);
        say("Installing " + String.join(" ", packages) + " ...");
        List<String> install = new ArrayList<>(List.of("install", "-y", "-q", "--no-install-recommends"));
        install.addAll(packages);
        mustSucceed(run(install), packages);
    }

    private static void mustSucceed(int code, List<String> packages) {
        if (code != 0) {
            throw CommandFailure.failed(
                    "apt could not install " + String.join(" ", packages) + " (it ended with " + code + ", see above)",
                    "Mend what apt says, or install the packages yourself, then run this again.");
        }
    }

    private static int run(List<String> arguments) throws InterruptedException {
        List<String> command = new ArrayList<>(List.of("apt-get"));
        command.addAll(OPTIONS);
        command.addAll(arguments);
        return new ChildProcess(command).with(QUIET).withoutInput().run();
    }

    private void say(String words) {
        output.println(words);
        output.flush();
    }
}
