package org.stiefelsystem.nbd.app;

import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.stiefelsystem.nbd.export.RefusedException;

/** Shows the two sentences instead of a stack trace. */
class RefusedFailureAnalyzer extends AbstractFailureAnalyzer<RefusedException> {

    @Override
    protected FailureAnalysis analyze(Throwable rootFailure, RefusedException cause) {
        return new FailureAnalysis(cause.what(), cause.remedy(), cause);
    }
}
