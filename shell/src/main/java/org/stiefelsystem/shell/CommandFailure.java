package org.stiefelsystem.shell;

/** A command could not do what it was asked: one line what, one line what to do, and the code to end with. */
public final class CommandFailure extends RuntimeException {

    static final int FAILED = 1;
    static final int USAGE = 2;
    static final int UNREACHABLE = 69;
    static final int INTERRUPTED = 130;

    private static final long serialVersionUID = 1;

    private final int exitCode;
    private final String remedy;

    private CommandFailure(int exitCode, String what, String remedy) {
        super(what);
        this.exitCode = exitCode;
        this.remedy = remedy;
    }

    public static CommandFailure failed(String what, String remedy) {
        return new CommandFailure(FAILED, what, remedy);
    }

    /** The words of the command are wrong; nothing was tried. */
    public static CommandFailure usage(String what, String remedy) {
        return new CommandFailure(USAGE, what, remedy);
    }

    /** A service that the command asks does not answer. */
    public static CommandFailure unreachable(String what, String remedy) {
        return new CommandFailure(UNREACHABLE, what, remedy);
    }

    /** Everything was said already, by a child process or in a table of the command's own; only the code is left. */
    public static CommandFailure said(int exitCode) {
        return new CommandFailure(exitCode, "", "");
    }

    public int exitCode() {
        return exitCode;
    }

    public String what() {
        return String.valueOf(getMessage());
    }

    public String remedy() {
        return remedy;
    }
}
