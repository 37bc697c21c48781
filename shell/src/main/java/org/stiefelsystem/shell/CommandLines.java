package org.stiefelsystem.shell;

import java.util.List;

/** Whether words are a command, for whoever runs them later or elsewhere. */
public final class CommandLines {

    private final CommandLineParser parser;

    CommandLines(ShellCommands commands) {
        parser = new CommandLineParser(commands);
    }

    /** Fails as the command itself would when its words are wrong. */
    public void check(List<String> words) {
        parser.parse(words);
    }
}
