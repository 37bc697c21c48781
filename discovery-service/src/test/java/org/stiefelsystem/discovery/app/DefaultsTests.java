package org.stiefelsystem.discovery.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.boot.env.YamlPropertySourceLoader;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.core.io.ClassPathResource;

class DefaultsTests {

    @Test
    void adminApisAreWhereTheirPortsAre() throws Exception {
        StandardEnvironment environment = new StandardEnvironment();
        new YamlPropertySourceLoader()
                .load("defaults", new ClassPathResource("discovery-service.yml"))
                .forEach(environment.getPropertySources()::addLast);
        assertThat(environment.getProperty("stiefel.discovery.export-admin")).isEqualTo("http://127.0.0.1:4655");
        assertThat(environment.getProperty("stiefel.discovery.payload-admin")).isEqualTo("http://127.0.0.1:4654");
        environment
                .getPropertySources()
                .addFirst(new MapPropertySource(
                        "chosen", Map.of("stiefel.export.admin-port", 1234, "stiefel.payload.admin-port", 5678)));
        assertThat(environment.getProperty("stiefel.discovery.export-admin")).isEqualTo("http://127.0.0.1:1234");
        assertThat(environment.getProperty("stiefel.discovery.payload-admin")).isEqualTo("http://127.0.0.1:5678");
    }
}
