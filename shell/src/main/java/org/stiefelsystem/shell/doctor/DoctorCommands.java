package org.stiefelsystem.shell.doctor;

import java.util.List;
import org.springframework.shell.core.command.CommandContext;
import org.springframework.shell.core.command.annotation.Command;
import org.springframework.shell.core.command.annotation.Option;
import org.springframework.stereotype.Component;
import org.stiefelsystem.shell.CommandFailure;
import org.stiefelsystem.shell.Json;
import org.stiefelsystem.shell.Table;
import org.stiefelsystem.shell.doctor.Check.Verdict;

@Component
class DoctorCommands {

    private final Doctor doctor;

    DoctorCommands(Doctor doctor) {
        this.doctor = doctor;
    }

    @Command(
            name = "doctor",
            description = "check kernel features, tools, firmware, ports, disk, clock; say how to mend",
            help = "Ends with 1 when something fails.",
            group = "This machine")
    void doctor(CommandContext context, @Option(longName = "json", description = "one JSON document") boolean json)
            throws InterruptedException {
        List<Check> checks = doctor.examine();
        if (json) {
            Json.print(checks, context.outputWriter());
        } else {
            Table table = new Table();
            checks.forEach(check -> {
                table.row(check.verdict().name(), check.name(), check.finding());
                if (!check.remedy().isEmpty()) {
                    table.row("", "", "-> " + check.remedy());
                }
            });
            table.print(context.outputWriter());
        }
        if (checks.stream().anyMatch(check -> check.verdict() == Verdict.fail)) {
            throw CommandFailure.said(1);
        }
    }
}
