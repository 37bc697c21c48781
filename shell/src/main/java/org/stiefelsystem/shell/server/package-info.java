/** The all-in-one: the three services as three contexts of one JVM. */
@NullMarked
package org.stiefelsystem.shell.server;

import org.jspecify.annotations.NullMarked;
