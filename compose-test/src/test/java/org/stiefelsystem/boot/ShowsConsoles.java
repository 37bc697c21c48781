package org.stiefelsystem.boot;

import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.LifecycleMethodExecutionExceptionHandler;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;

/** When a test of machines fails, prints what the machines printed; once, whatever else fails. */
final class ShowsConsoles implements TestExecutionExceptionHandler, LifecycleMethodExecutionExceptionHandler {

    /** A test class that has machines. */
    interface Source {
        String consoles() throws IOException;
    }

    private final AtomicBoolean shown = new AtomicBoolean();

    @Override
    public void handleTestExecutionException(ExtensionContext context, Throwable failure) throws Throwable {
        show(context);
        throw failure;
    }

    @Override
    public void handleBeforeAllMethodExecutionException(ExtensionContext context, Throwable failure) throws Throwable {
        show(context);
        throw failure;
    }

    private void show(ExtensionContext context) throws IOException {
        if (context.getRequiredTestInstance() instanceof Source source && shown.compareAndSet(false, true)) {
            System.out.println(source.consoles());
        }
    }
}
