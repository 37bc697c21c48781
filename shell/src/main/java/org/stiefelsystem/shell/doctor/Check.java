package org.stiefelsystem.shell.doctor;

/**
 * One look at this machine.
 *
 * @param remedy how to mend it; empty when there is nothing to mend
 */
record Check(String name, Verdict verdict, String finding, String remedy) {

    /** Written in small letters, in the table and in JSON. */
    enum Verdict {
        ok,
        warn,
        fail
    }

    static Check ok(String name, String finding) {
        return new Check(name, Verdict.ok, finding, "");
    }

    static Check warn(String name, String finding, String remedy) {
        return new Check(name, Verdict.warn, finding, remedy);
    }

    static Check fail(String name, String finding, String remedy) {
        return new Check(name, Verdict.fail, finding, remedy);
    }
}
