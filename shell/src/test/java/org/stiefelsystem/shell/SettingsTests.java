package org.stiefelsystem.shell;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.stiefelsystem.shell.Settings.Setting;

class SettingsTests {

    @TempDir
    private Path directory;

    @Test
    void getPrefersSetThenEnvironmentThenFileThenDefault() throws IOException {
        Path file = Files.writeString(
                directory.resolve("stiefel.yml"),
                "stiefel:\n  link: eth0\n  export: {port: 1, admin-port: 2}\n  payload.port: 3\n");
        Settings settings = new Settings(file, Map.of("STIEFEL_EXPORT_PORT", "4", "STIEFEL_EXPORT_ADMINPORT", "5"));
        settings.override(Map.of("stiefel.export.port", "6"));
        assertThat(settings.port("stiefel.export.port")).isEqualTo(6);
        assertThat(settings.port("stiefel.export.admin-port")).isEqualTo(5);
        assertThat(settings.port("stiefel.payload.port")).isEqualTo(3);
        assertThat(settings.port("stiefel.discovery.port")).isEqualTo(61570);
        assertThat(settings.all())
                .contains(
                        new Setting("stiefel.export.port", "6", "--set"),
                        new Setting("stiefel.export.admin-port", "5", "environment"),
                        new Setting("stiefel.link", "eth0", file.toString()),
                        new Setting("stiefel.discovery.port", "61570", "default"))
                .extracting(Setting::name)
                .doesNotHaveDuplicates()
                .doesNotContain("stiefel.export.adminport");
    }

    @Test
    void allLeavesOutWhatIsTheLaunchersOwn() {
        Settings settings = new Settings(directory.resolve("none"), Map.of("STIEFEL_HOME", "/x", "STIEFEL_VAR", "/y"));
        assertThat(settings.all()).extracting(Setting::from).containsOnly("default");
    }

    @Test
    void brokenFileIsNamed() throws IOException {
        Path file = Files.writeString(directory.resolve("stiefel.yml"), "stiefel: [\n");
        Settings settings = new Settings(file, Map.of());
        assertThatThrownBy(settings::all)
                .isInstanceOf(CommandFailure.class)
                .hasMessageContaining(file + " cannot be read");
    }

    @Test
    void portOutOfRangeIsAUsageError() {
        Settings settings = new Settings(directory.resolve("none"), Map.of("STIEFEL_EXPORT_PORT", "65536"));
        assertThatThrownBy(() -> settings.port("stiefel.export.port"))
                .isInstanceOfSatisfying(
                        CommandFailure.class,
                        failure -> assertThat(failure.exitCode()).isEqualTo(2));
    }

    @Test
    void unknownNameInSetIsAUsageErrorWithTheNearestName() {
        Settings settings = new Settings(directory.resolve("none"), Map.of());
        settings.override(Map.of("stiefel.export.prot", "1"));
        assertThatThrownBy(settings::checkNames).isInstanceOfSatisfying(CommandFailure.class, failure -> {
            assertThat(failure.exitCode()).isEqualTo(2);
            assertThat(failure.remedy()).startsWith("Did you mean stiefel.export.port?");
        });
    }

    @Test
    void unknownNameInTheFileIsAFailureThatNamesTheFile() throws IOException {
        Path file = Files.writeString(
                directory.resolve("stiefel.yml"),
                "stiefel:\n  export:\n    exports: [{name: a, path: /b}]\n  lnik: eth0\n");
        assertThatThrownBy(new Settings(file, Map.of())::checkNames)
                .isInstanceOfSatisfying(
                        CommandFailure.class,
                        failure -> assertThat(failure.exitCode()).isEqualTo(1))
                .hasMessage(file + ": there is no setting stiefel.lnik");
    }

    @Test
    void adminApisAreWhereTheirPortsAre() {
        Settings settings = new Settings(directory.resolve("none"), Map.of());
        assertThat(settings.get("stiefel.discovery.export-admin")).isEqualTo("http://127.0.0.1:4655");
        settings.override(Map.of("stiefel.export.admin-port", "1234", "stiefel.payload.admin-port", "5678"));
        assertThat(settings.get("stiefel.discovery.export-admin")).isEqualTo("http://127.0.0.1:1234");
        assertThat(settings.get("stiefel.payload.export-admin")).isEqualTo("http://127.0.0.1:1234");
        assertThat(settings.all())
                .contains(new Settings.Setting("stiefel.discovery.payload-admin", "http://127.0.0.1:5678", "default"));
    }

    @Test
    void fileThatIsNamedMustExist() {
        Path file = directory.resolve("none");
        assertThatThrownBy(new Settings(file, Map.of("STIEFEL_CONFIG", file.toString()))::all)
                .hasMessageContaining(file + " does not exist");
    }
}
