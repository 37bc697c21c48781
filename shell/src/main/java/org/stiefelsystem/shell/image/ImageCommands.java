package org.stiefelsystem.shell.image;

import java.util.ArrayList;
import java.util.List;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.shell.core.command.CommandContext;
import org.springframework.shell.core.command.annotation.Arguments;
import org.springframework.shell.core.command.annotation.Command;
import org.springframework.stereotype.Component;
import org.stiefelsystem.shell.CommandFailure;
import org.stiefelsystem.shell.CommandLines;
import org.stiefelsystem.shell.setup.Setup;

@Component
class ImageCommands {

    private final ImageBuilder builder;
    private final Setup setup;
    private final ObjectProvider<CommandLines> lines;

    ImageCommands(ImageBuilder builder, Setup setup, ObjectProvider<CommandLines> lines) {
        this.builder = builder;
        this.setup = setup;
        this.lines = lines;
    }

    @Command(
            name = "update",
            description = "build or refresh StiefelOS",
            help = "What has not changed is not built again.",
            group = "Host")
    void update(CommandContext context) throws InterruptedException {
        context.outputWriter().println("StiefelOS is in " + builder.stiefelOs(context.outputWriter()));
    }

    /** The launcher runs this before it starts the demo in a network of its own, with the demo's own words. */
    @Command(name = "prepare-demo", description = "bring all that the demo needs", hidden = true)
    void prepareDemo(CommandContext context, @Arguments List<String> words) throws InterruptedException {
        List<String> demo = new ArrayList<>(List.of("demo"));
        demo.addAll(words);
        lines.getObject().check(demo);
        if (!"root".equals(System.getProperty("user.name"))) {
            throw CommandFailure.failed(
                    "the demo makes a network of its own, which only root can", "Run it with sudo or as root.");
        }
        setup.forDemo(context, words.contains("--yes") || words.contains("-y"));
        builder.stiefelOs(context.outputWriter());
        builder.demoDisk(context.outputWriter());
    }
}
