package org.stiefelsystem.shell.image;

import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.springframework.stereotype.Component;
import org.stiefelsystem.shell.Checkout;
import org.stiefelsystem.shell.ChildProcess;
import org.stiefelsystem.shell.CommandFailure;

/** Runs the programs that build StiefelOS and the demo's disk. Their last line names the directory, stderr the progress. */
@Component
public class ImageBuilder {

    private final Checkout checkout;

    ImageBuilder(Checkout checkout) {
        this.checkout = checkout;
    }

    public Path stiefelOs(PrintWriter output) throws InterruptedException {
        return build("stiefelos/image/build", "StiefelOS", output);
    }

    public Path demoDisk(PrintWriter output) throws InterruptedException {
        return build("stiefelos/demo/build-disk", "the demo's disk", output);
    }

    private Path build(String program, String what, PrintWriter output) throws InterruptedException {
        output.flush();
        AtomicReference<String> last = new AtomicReference<>("");
        int code = new ChildProcess(List.of(checkout.program(program).toString()))
                .with(Map.of("STIEFEL_VAR", checkout.var().toString()))
                .withoutInput()
                .run(last::set);
        if (code != 0) {
            throw CommandFailure.failed(
                    what + " could not be built (" + program + " ended with " + code + ")",
                    "Its reason stands above; `stiefelctl doctor` checks this machine.");
        }
        return Path.of(last.get());
    }
}
