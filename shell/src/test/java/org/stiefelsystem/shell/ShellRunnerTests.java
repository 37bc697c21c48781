package org.stiefelsystem.shell;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShellRunnerTests {

    private final ShellTestBed shell = new ShellTestBed();

    @AfterEach
    void close() {
        shell.close();
    }

    @Test
    void runWithOptionsInAnyFormAndOrder() {
        assertThat(shell.run("serve", "--json", "--port=7", "--disk", "a b\"c")).isZero();
        assertThat(shell.output()).isEqualTo("a b\"c|7|true|10809");
    }

    @Test
    void runWithoutOptionsFillsInWhatIsAbsent() {
        assertThat(shell.run("serve", "--disk=x")).isZero();
        assertThat(shell.output()).isEqualTo("x|null|false|10809");
    }

    @Test
    void runOfGroupedCommandWithFlagNeedsNoValue() {
        assertThat(shell.run("config", "show", "--json")).isZero();
        assertThat(shell.output()).isEqualTo("shown true");
    }

    @Test
    void runWithSettingHoldsForThatCommandOnly() {
        shell.run("serve", "--disk=x", "--set", "stiefel.export.port=1");
        shell.run("--set=stiefel.export.port=2", "serve", "--disk=x");
        shell.run("serve", "--disk=x");
        assertThat(shell.output().lines()).containsExactly("x|null|false|1", "x|null|false|2", "x|null|false|10809");
    }

    @Test
    void runKeepsWordsAfterDoubleDash() {
        assertThat(shell.run("echo", "a", "--", "--json", "--help", "")).isZero();
        assertThat(shell.output()).isEqualTo("[a, --json, --help, ]");
    }

    @Test
    void runOfHiddenCommandWorksForWhoeverNamesIt() {
        assertThat(shell.run("secret")).isZero();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            swerve                      | error: `swerve` is not a command                  | Did you mean `serve`
            zzzzzzzz                    | error: `zzzzzzzz` is not a command                | Run `stiefelctl help`
            config                      | error: `config` is a group of commands            | There is: config show.
            config bogus                | error: `config bogus` is not a command            | There is: config show.
            serve                       | error: `serve` wants --disk                       | Run `stiefelctl help serve`.
            serve --disk                | error: --disk wants a value                       | Run
            serve --disk --json         | error: --disk wants a value                       | Run
            serve --disk a --disk b     | error: --disk is given twice                      | Run
            serve --disk a --prot 1     | error: `serve` has no option --prot               | Did you mean --port?
            serve --disk a --port x     | error: --port cannot be `x`                       | Run
            serve --disk a --json=maybe | error: --json=maybe cannot be `maybe`             | Run
            serve --disk a b            | error: `serve` does not know what to do with `b`  | Run
            open                        | error: `open` wants PATH                          | Run
            serve --set x=1 --disk a    | error: `x` is not a setting's name                | Names
            serve --disk a --set        | error: --set wants key=value, not ``              | For example
            --bogus                     | error: `--bogus` is not an option                 | Run
            """)
    void runOfWrongWordsEndsWith2AndTwoLines(String words, String what, String remedy) {
        assertThat(shell.run(words.split(" ", -1))).isEqualTo(2);
        assertThat(shell.errors().lines()).hasSize(2);
        assertThat(shell.errors().lines().findFirst()).hasValue(what);
        assertThat(shell.errors().lines().skip(1).findFirst().orElseThrow()).startsWith(remedy);
        assertThat(shell.output()).isEmpty();
    }

    @Test
    void runThatFailsGivesItsCodeAndItsTwoLines() {
        assertThat(shell.run("unreachable")).isEqualTo(69);
        assertThat(shell.errors()).isEqualTo("error: nobody answers\nStart it.");
    }

    @Test
    void runPassesTheCodeOfAChildOnAndSaysNoMore() {
        assertThat(shell.run("ends")).isEqualTo(42);
        assertThat(shell.errors()).isEmpty();
    }

    @Test
    void runOfFaultyCommandEndsWith1() {
        assertThat(shell.run("faulty")).isEqualTo(1);
        assertThat(shell.errors()).startsWith("error: `faulty` failed: IllegalStateException: oops\n");
    }

    @Test
    @Timeout(30)
    void runThatIsInterruptedEndsWith130AndLeavesNoChild() {
        Thread.ofVirtual().start(() -> {
            Awaitility.await().until(() -> sleepers() == 1);
            shell.interruption.raise("INT");
        });
        assertThat(shell.run("waits")).isEqualTo(130);
        assertThat(sleepers()).isZero();
        assertThat(shell.run("secret")).as("the shell lives on").isZero();
    }

    @Test
    @Timeout(30)
    void runThatIsTerminatedEndsWith143() {
        Thread.ofVirtual().start(() -> {
            Awaitility.await().until(() -> sleepers() == 1);
            shell.interruption.raise("TERM");
        });
        assertThat(shell.run("waits")).isEqualTo(143);
    }

    @Test
    void childThatCannotBeRunIsNamed() {
        org.assertj.core.api.Assertions.assertThatThrownBy(() -> new ChildProcess("/nonexistent/program").run())
                .isInstanceOf(CommandFailure.class)
                .hasMessageContaining("/nonexistent/program cannot be run");
    }

    @Test
    @Timeout(30)
    void endKillsATreeThatDoesNotListen() throws Exception {
        Process process = new ProcessBuilder("sh", "-c", "trap '' TERM; sleep 9872 & sleep 9872").start();
        Awaitility.await().until(() -> process.descendants().count() == 2);
        var children = process.descendants().toList();
        ChildProcess.end(process.toHandle(), Duration.ofMillis(300));
        assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
        Awaitility.await().until(() -> children.stream().noneMatch(ProcessHandle::isAlive));
    }

    private static long sleepers() {
        return ProcessHandle.current()
                .descendants()
                .filter(child -> child.info().commandLine().orElse("").endsWith("sleep 9871"))
                .count();
    }
}
