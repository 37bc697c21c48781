package org.stiefelsystem.nbd.protocol;

/** The commands of transmission (proto.md, "Request types"). */
public enum Command {
    READ(0),
    WRITE(1),
    DISC(2),
    FLUSH(3),
    TRIM(4),
    CACHE(5),
    WRITE_ZEROES(6),
    BLOCK_STATUS(7),
    /** Of the extension "resize": known, so that it can be refused as that document says. */
    RESIZE(8),
    /** Any number that this server does not know; {@link Request#type()} keeps it. */
    UNKNOWN(-1);

    private static final Command[] ALL = values();

    private final int code;

    Command(int code) {
        this.code = code;
    }

    static Command ofCode(int code) {
        for (Command command : ALL) {
            if (command.code == code) {
                return command;
            }
        }
        return UNKNOWN;
    }
}
