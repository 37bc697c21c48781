package org.stiefelsystem.boot;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.regex.Pattern;
import org.stiefelsystem.shell.demo.SerialConsole;

/** A person who has logged in at a guest's serial console. */
final class GuestShell {

    private static final Duration ANSWER = Duration.ofSeconds(60);

    /** What the keeper says while a command runs stands between its lines. */
    private static final Pattern KERNEL_WORDS = Pattern.compile("(?m)^\\[ *[0-9]+\\.[0-9]+] stiefel: .*\n?");

    private final SerialConsole console;

    private GuestShell(SerialConsole console) {
        this.console = console;
    }

    static GuestShell login(SerialConsole console, String user, String password)
            throws IOException, InterruptedException {
        console.send(user);
        console.await("Password:", ANSWER);
        console.send(password);
        console.await(":~# ", ANSWER);
        GuestShell shell = new GuestShell(console);
        // Kernel messages would stand in the middle of answers; the keeper's words (level 2) come all the same.
        shell.run("set +m; dmesg -n 3; stty -echo; PS1=; PS2=; TERM=dumb; export TERM PS1 PS2");
        return shell;
    }

    /** Runs a command and answers what it printed; a code other than 0 is an exception. */
    String run(String command) throws IOException, InterruptedException {
        return run(command, ANSWER);
    }

    /** Makes a file with this text. */
    void write(String path, String text) throws IOException, InterruptedException {
        String encoded = Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
        run("echo " + encoded + " | base64 -d >" + path);
    }

    String run(String command, Duration deadline) throws IOException, InterruptedException {
        // Quoted so that the echo of the typed line is not taken for the answer.
        console.send("echo start-of-'answer'; { " + command + "\n} 2>&1; echo end-of-'answer' $?");
        console.await("start-of-answer\n", deadline);
        String before = console.await(Pattern.compile("(?=end-of-answer [0-9]+\n)"), deadline);
        int code = Integer.parseInt(digits(deadline));
        if (code != 0) {
            throw new IOException("`" + command + "` in the guest ended with " + code + ":\n" + before);
        }
        return KERNEL_WORDS.matcher(before).replaceAll("").strip();
    }

    private String digits(Duration deadline) throws InterruptedException {
        console.await("end-of-answer ", deadline);
        return console.await("\n", deadline).strip();
    }
}
