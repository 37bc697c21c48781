package org.stiefelsystem.shell;

import java.lang.reflect.Method;
import java.lang.reflect.Parameter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.springframework.aop.support.AopUtils;
import org.springframework.context.ApplicationContext;
import org.springframework.core.MethodIntrospector;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.shell.core.command.Command;
import org.springframework.shell.core.command.CommandRegistry;
import org.springframework.shell.core.command.annotation.Argument;
import org.springframework.shell.core.command.annotation.Arguments;
import org.springframework.shell.core.command.annotation.support.CommandFactoryBean;

/**
 * All commands by name. Spring Shell's own registry knows a command's options but not its arguments, and hides a hidden
 * command even from whoever names it.
 */
final class ShellCommands {

    private final Map<String, ShellCommand> byName = new TreeMap<>();
    private final CommandRegistry registry;

    private ShellCommands(Collection<ShellCommand> commands) {
        commands.forEach(command -> byName.put(command.name(), command));
        Set<Command> registered = new HashSet<>();
        byName.values().forEach(command -> registered.add(command.command()));
        registry = new CommandRegistry(registered);
    }

    /** Those of every bean in the context that has methods annotated as commands. */
    static ShellCommands of(ApplicationContext context, Collection<?> beans) {
        List<ShellCommand> commands = new ArrayList<>();
        for (Object bean : beans) {
            MethodIntrospector.selectMethods(AopUtils.getTargetClass(bean), ShellCommands::isCommand)
                    .forEach(method -> commands.add(command(context, method)));
        }
        return new ShellCommands(commands);
    }

    private static boolean isCommand(Method method) {
        return AnnotatedElementUtils.hasAnnotation(
                method, org.springframework.shell.core.command.annotation.Command.class);
    }

    private static ShellCommand command(ApplicationContext context, Method method) {
        CommandFactoryBean factory = new CommandFactoryBean(method);
        factory.setApplicationContext(context);
        List<String> arguments = new ArrayList<>();
        boolean more = false;
        for (Parameter parameter : method.getParameters()) {
            if (parameter.isAnnotationPresent(Argument.class)) {
                arguments.add(parameter.getName());
            }
            more |= parameter.isAnnotationPresent(Arguments.class);
        }
        return new ShellCommand(factory.getObject(), List.copyOf(arguments), more);
    }

    CommandRegistry registry() {
        return registry;
    }

    Optional<ShellCommand> find(String name) {
        return Optional.ofNullable(byName.get(name));
    }

    /** Those that a person is told about, by name. */
    List<ShellCommand> visible() {
        return byName.values().stream()
                .filter(command -> !command.command().isHidden())
                .toList();
    }

    /** The sub-commands when the words name a group and not a command. */
    List<ShellCommand> group(String words) {
        return visible().stream()
                .filter(command -> command.name().startsWith(words + " "))
                .toList();
    }

    /** The name that somebody who typed this most likely meant. */
    Optional<String> nearest(String words) {
        return nearest(words, visible().stream().map(ShellCommand::name).toList());
    }

    static Optional<String> nearest(String word, List<String> names) {
        return names.stream()
                .filter(name -> name.startsWith(word) || distance(word, name) <= Math.max(1, word.length() / 3))
                .min(Comparator.comparingInt(name -> distance(word, name)));
    }

    /** Edits (insert, delete, replace, swap of neighbours) from one word to the other. */
    static int distance(String from, String to) {
        int[][] edits = new int[from.length() + 1][to.length() + 1];
        for (int i = 0; i <= from.length(); i++) {
            for (int j = 0; j <= to.length(); j++) {
                if (i == 0 || j == 0) {
                    edits[i][j] = i + j;
                    continue;
                }
                int replace = edits[i - 1][j - 1] + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
                edits[i][j] = Math.min(replace, 1 + Math.min(edits[i - 1][j], edits[i][j - 1]));
                if (i > 1
                        && j > 1
                        && from.charAt(i - 1) == to.charAt(j - 2)
                        && from.charAt(i - 2) == to.charAt(j - 1)) {
                    edits[i][j] = Math.min(edits[i][j], edits[i - 2][j - 2] + 1);
                }
            }
        }
        return edits[from.length()][to.length()];
    }

    /** A command, the names of the arguments that it must have, and whether it takes more of them. */
    record ShellCommand(Command command, List<String> arguments, boolean takesMore) {

        String name() {
            return command.getName();
        }
    }
}
