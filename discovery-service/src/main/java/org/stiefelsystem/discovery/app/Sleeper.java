package org.stiefelsystem.discovery.app;

import java.time.Duration;

/** {@link Thread#sleep(Duration)}, or what a test puts in its place. */
interface Sleeper {

    void sleep(Duration pause) throws InterruptedException;
}
