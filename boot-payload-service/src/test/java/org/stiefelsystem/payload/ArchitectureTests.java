package org.stiefelsystem.payload;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noFields;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "org.stiefelsystem.payload", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTests {

    @ArchTest
    static final ArchRule NO_CYCLES = slices().matching("org.stiefelsystem.(**)")
            .should()
            .beFreeOfCycles()
            .because("imports point only towards the bytes");

    @ArchTest
    static final ArchRule CORE_IS_PLAIN = noClasses()
            .that()
            .resideInAPackage("org.stiefelsystem.payload")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.springframework..", "com.sun.jna..", "tools.jackson..", "com.fasterxml..")
            .because("what is delivered is understood and tested without a framework");

    @ArchTest
    static final ArchRule NO_SYSTEM_CALLS = noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("com.sun.jna..", "java.lang.foreign..")
            .because("this module needs none; one that does keeps them in a package named linux");

    @ArchTest
    static final ArchRule NO_FIELD_INJECTION = noFields()
            .should()
            .beAnnotatedWith("org.springframework.beans.factory.annotation.Autowired")
            .allowEmptyShould(true)
            .because("the configuration calls constructors, so that it shows the object graph");

    @ArchTest
    static final ArchRule NO_ODDS_AND_ENDS = noClasses()
            .should()
            .resideInAnyPackage("..util..", "..common..", "..impl..", "..dto..", "..model..")
            .because("a package is named for what its classes are about");

    @ArchTest
    static final ArchRule APP_IS_PRIVATE = classes()
            .that()
            .resideInAPackage("..app")
            .and()
            .doNotHaveSimpleName("PayloadApplication")
            .should()
            .notBePublic()
            .because("other modules start the application and know nothing else of it");
}
