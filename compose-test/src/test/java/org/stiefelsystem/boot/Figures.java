package org.stiefelsystem.boot;

import java.util.Locale;

/** What a test of machines has measured; for the README, never asserted, because the machines are shared. */
final class Figures {

    private Figures() {}

    static void print(String format, Object... values) {
        System.out.println("figure: " + String.format(Locale.ROOT, format, values));
    }
}
