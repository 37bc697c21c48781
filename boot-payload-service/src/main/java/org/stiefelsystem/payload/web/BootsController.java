package org.stiefelsystem.payload.web;

import java.util.List;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import org.stiefelsystem.payload.Boot;
import org.stiefelsystem.payload.Boots;

/** What the operator asks for on loopback. */
@RestController
public class BootsController {

    private final Boots boots;

    public BootsController(Boots boots) {
        this.boots = boots;
    }

    @GetMapping("/boots")
    List<Boot> boots() {
        return boots.newestFirst();
    }
}
