package org.stiefelsystem.boot;

/** What a test of machines has measured; for the README, never asserted, because the machines are shared. */
final class Figures {

    private Figures() {}

    static void print(String words) {
        System.out.println("figure: " + words);
    }
}
