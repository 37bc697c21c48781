/** The demo, and the virtual machines and networks in which it and the tests of compose-test run. */
@NullMarked
package org.stiefelsystem.shell.demo;

import org.jspecify.annotations.NullMarked;
