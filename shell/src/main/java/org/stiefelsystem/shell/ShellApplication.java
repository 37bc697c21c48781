package org.stiefelsystem.shell;

import java.util.List;
import org.slf4j.bridge.SLF4JBridgeHandler;
import org.springframework.boot.Banner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.ComponentScan;
import org.springframework.context.annotation.Lazy;
import org.springframework.stereotype.Component;

/** The prompt without arguments, one command with them. */
@SpringBootConfiguration(proxyBeanMethods = false)
@ComponentScan
public class ShellApplication {

    // No auto-configuration: the services are on this class path, and their web servers must not start with the prompt.
    public static SpringApplicationBuilder builder() {
        return new SpringApplicationBuilder(ShellApplication.class)
                .web(WebApplicationType.NONE)
                .bannerMode(Banner.Mode.OFF)
                .logStartupInfo(false)
                .addCommandLineProperties(false)
                .registerShutdownHook(false)
                .properties("spring.config.name=shell");
    }

    public static void main(String[] arguments) {
        // One logging set-up for the shell and the services that it may start in this JVM, on stderr
        // (logback-shell.xml).
        System.setProperty("org.springframework.boot.logging.LoggingSystem", "none");
        System.setProperty("logback.configurationFile", "logback-shell.xml");
        SLF4JBridgeHandler.removeHandlersForRootLogger();
        SLF4JBridgeHandler.install();
        ConfigurableApplicationContext context = builder().run();
        int code = context.getBean(ShellRunner.class).run(List.of(arguments));
        System.exit(SpringApplication.exit(context, () -> code));
    }

    @Bean
    Checkout checkout() {
        return Checkout.fromEnvironment();
    }

    @Bean
    Settings settings() {
        return Settings.ofThisMachine();
    }

    @Bean
    Interruption interruption() {
        return new Interruption();
    }

    // Lazy: made of beans of this context, and one of them, help, asks for it.
    @Bean
    @Lazy
    ShellCommands shellCommands(ConfigurableApplicationContext context) {
        return ShellCommands.of(
                context, context.getBeansWithAnnotation(Component.class).values());
    }

    @Bean
    @Lazy
    CommandLines commandLines(ShellCommands commands) {
        return new CommandLines(commands);
    }

    @Bean
    @Lazy
    ShellRunner springShellApplicationRunner(
            ShellCommands commands, Settings settings, Interruption interruption, Checkout checkout) {
        return new ShellRunner(commands, settings, interruption, checkout);
    }
}
