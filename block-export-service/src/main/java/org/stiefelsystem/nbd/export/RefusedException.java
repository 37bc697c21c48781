package org.stiefelsystem.nbd.export;

import java.io.IOException;

/** Something is not done for a reason that a person can mend: one sentence what, one sentence what to do. */
public final class RefusedException extends IOException {

    private static final long serialVersionUID = 1L;

    private final String what;
    private final String remedy;

    public RefusedException(String what, String remedy) {
        super(what + "\n" + remedy);
        this.what = what;
        this.remedy = remedy;
    }

    public String what() {
        return what;
    }

    public String remedy() {
        return remedy;
    }
}
