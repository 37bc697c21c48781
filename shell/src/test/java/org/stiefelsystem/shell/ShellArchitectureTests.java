package org.stiefelsystem.shell;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noFields;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import org.springframework.beans.factory.annotation.Autowired;

@AnalyzeClasses(packages = "org.stiefelsystem.shell", importOptions = ImportOption.DoNotIncludeTests.class)
class ShellArchitectureTests {

    @ArchTest
    static final ArchRule commandsDoNotKnowEachOther = slices().matching("org.stiefelsystem.shell.(*)..")
            .should()
            .beFreeOfCycles()
            .because("a command can be read, and dropped, by itself");

    @ArchTest
    static final ArchRule theConsoleDoesNotKnowItsCommands = noClasses()
            .that()
            .resideInAPackage("org.stiefelsystem.shell")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("org.stiefelsystem.shell.*..")
            .because("commands are found by their annotation; imports point towards the console");

    @ArchTest
    static final ArchRule servicesAreStartedInTwoPlaces = noClasses()
            .that()
            .resideOutsideOfPackages("org.stiefelsystem.shell.server..", "org.stiefelsystem.shell.export..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "org.stiefelsystem.nbd..", "org.stiefelsystem.payload..", "org.stiefelsystem.discovery..")
            .because("everything else speaks to running services over their admin API");

    @ArchTest
    static final ArchRule noNativeCalls = noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("com.sun.jna..", "java.lang.foreign..")
            .because("system calls live in packages named linux");

    @ArchTest
    static final ArchRule nothingIsInjectedIntoFields =
            noFields().should().beAnnotatedWith(Autowired.class).because("a constructor shows what a class needs");

    @ArchTest
    static final ArchRule noPackagesWithoutAMeaning = noClasses()
            .should()
            .resideInAnyPackage("..util..", "..common..", "..impl..", "..dto..", "..model..")
            .because("a package is named for what it does");
}
