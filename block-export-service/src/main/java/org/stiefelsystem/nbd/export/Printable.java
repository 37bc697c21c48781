package org.stiefelsystem.nbd.export;

/** Somebody else's words, for a line of a log or a terminal. */
public final class Printable {

    private Printable() {}

    /** At most so many characters, each of which can be seen; others are question marks. */
    public static String of(String text, int atMost) {
        StringBuilder printable = new StringBuilder();
        text.codePoints()
                .limit(atMost)
                .map(character -> isPrintable(character) ? character : '?')
                .forEach(printable::appendCodePoint);
        return text.codePointCount(0, text.length()) <= atMost
                ? printable.toString()
                : printable.append('…').toString();
    }

    static boolean isPrintable(String text) {
        return text.codePoints().allMatch(Printable::isPrintable);
    }

    private static boolean isPrintable(int character) {
        return switch (Character.getType(character)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> false;
            // One blank looks like the other.
            case Character.SPACE_SEPARATOR -> character == ' ';
            default -> true;
        };
    }
}
