package org.stiefelsystem.discovery.app;

import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** What this host can do for a guest right now. */
@RestController
class StateController {

    /** In this version the disk is served for as long as the service runs. */
    record HostState(String state) {}

    @GetMapping("/state")
    HostState state() {
        return new HostState("serving");
    }
}
