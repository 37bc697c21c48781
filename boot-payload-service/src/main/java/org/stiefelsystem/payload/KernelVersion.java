package org.stiefelsystem.payload;

import java.util.Comparator;

/**
 * The order of kernel versions: deb-version(7), where digits count as numbers and {@code ~} sorts before the end; a
 * release candidate comes before its release, as linux-version(1) has it.
 */
final class KernelVersion {

    static final Comparator<String> ORDER = KernelVersion::compare;

    private KernelVersion() {}

    static int compare(String left, String right) {
        String a = left.replace("-rc", "~rc");
        String b = right.replace("-rc", "~rc");
        int i = 0;
        int j = 0;
        while (i < a.length() || j < b.length()) {
            while ((i < a.length() && !digit(a, i)) || (j < b.length() && !digit(b, j))) {
                int difference = Integer.compare(weight(a, i), weight(b, j));
                if (difference != 0) {
                    return difference;
                }
                i++;
                j++;
            }
            int startA = skipZeros(a, i);
            int startB = skipZeros(b, j);
            i = skipDigits(a, startA);
            j = skipDigits(b, startB);
            if (i - startA != j - startB) {
                return Integer.compare(i - startA, j - startB);
            }
            int difference = a.substring(startA, i).compareTo(b.substring(startB, j));
            if (difference != 0) {
                return difference;
            }
        }
        return 0;
    }

    private static boolean digit(String text, int at) {
        return at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9';
    }

    /** The end and digits sort before letters, letters before the rest, a tilde before everything. */
    private static int weight(String text, int at) {
        if (at >= text.length() || digit(text, at)) {
            return 0;
        }
        char c = text.charAt(at);
        if (c == '~') {
            return -1;
        }
        return Character.isLetter(c) ? c : c + 0x10000;
    }

    private static int skipZeros(String text, int at) {
        int end = at;
        while (end < text.length() && text.charAt(end) == '0') {
            end++;
        }
        return end;
    }

    private static int skipDigits(String text, int at) {
        int end = at;
        while (digit(text, end)) {
            end++;
        }
        return end;
    }
}
