package org.stiefelsystem.shell;

import org.jline.terminal.Terminal;
import org.springframework.shell.core.InputReader;

/** The input of a command that was typed at the prompt, for one that wants the keyboard to itself for a while. */
public interface PromptInput extends InputReader {

    Terminal terminal();
}
