package org.stiefelsystem.shell;

import java.io.Console;
import java.util.Locale;
import org.springframework.shell.core.command.CommandContext;

/** A question to the person at the terminal. */
public final class Question {

    private Question() {}

    /**
     * Whether the answer is yes. Where nobody can answer, it is no.
     *
     * @param byDefault the answer of a person who just presses Enter
     */
    public static boolean isAnsweredYes(CommandContext context, String question, boolean byDefault)
            throws InterruptedException {
        if (!isPossible()) {
            return false;
        }
        try {
            String answer = context.inputReader().readInput(question + (byDefault ? " [Y/n] " : " [y/N] "));
            return answer.isBlank()
                    ? byDefault
                    : answer.strip().toLowerCase(Locale.ROOT).startsWith("y");
        } catch (InterruptedException e) {
            throw e;
        } catch (Exception e) {
            return false;
        }
    }

    /** Whether a person sits there. JDK 25 answers null where there is no terminal, as before JDK 22. */
    @SuppressWarnings("SystemConsoleNull")
    public static boolean isPossible() {
        Console console = System.console();
        return console != null && console.isTerminal();
    }
}
