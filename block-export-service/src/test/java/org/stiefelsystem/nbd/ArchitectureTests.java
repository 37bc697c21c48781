package org.stiefelsystem.nbd;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noFields;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import org.springframework.beans.factory.annotation.Autowired;
import org.stiefelsystem.nbd.app.BlockExportApplication;

@AnalyzeClasses(packages = "org.stiefelsystem.nbd", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTests {

    private static final String APP = "org.stiefelsystem.nbd.app..";

    @ArchTest
    static final ArchRule NO_CYCLES = slices().matching("org.stiefelsystem.nbd.(*)..")
            .should()
            .beFreeOfCycles()
            .because("imports point only towards the bytes");

    @ArchTest
    static final ArchRule PROTOCOL_IS_BYTES = noClasses()
            .that()
            .resideInAPackage("..protocol..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("..server..", "..export..", "..linux..", "..app..", "java.net..", "java.nio.channels..")
            .because("wire code knows no sockets and no policy");

    @ArchTest
    static final ArchRule EXPORT_KNOWS_NO_SERVER = noClasses()
            .that()
            .resideInAnyPackage("..export..", "..linux..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("..server..", "..app..", "..protocol..")
            .because("the disk does not know who asks");

    @ArchTest
    static final ArchRule CORE_IS_PLAIN_JAVA = noClasses()
            .that()
            .resideOutsideOfPackage(APP)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("org.springframework..", "io.micrometer..", "tools.jackson..", "com.sun.jna..")
            .because("Spring configures, starts, stops and measures, and is never on the path of a block");

    @ArchTest
    static final ArchRule FFM_IN_LINUX = noClasses()
            .that()
            .resideOutsideOfPackage("..linux..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("java.lang.foreign..")
            .because("system calls have one place");

    @ArchTest
    static final ArchRule APP_IS_CLOSED = classes()
            .that()
            .resideInAPackage(APP)
            .and()
            .doNotBelongToAnyOf(BlockExportApplication.class)
            .should()
            .notBePublic()
            .because("nobody builds on the edge but the all-in-one, which starts it");

    @ArchTest
    static final ArchRule NO_FIELD_INJECTION =
            noFields().should().beAnnotatedWith(Autowired.class).because("constructors show what an object needs");

    @ArchTest
    static final ArchRule NO_DRAWERS = noClasses()
            .should()
            .resideInAnyPackage("..util..", "..common..", "..impl..", "..dto..", "..model..")
            .because("a package is named for what it is about");
}
