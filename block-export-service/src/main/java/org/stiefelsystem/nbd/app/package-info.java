/** The edge: Spring configures, starts, stops and measures the server, and is never on the path of a block. */
@NullMarked
package org.stiefelsystem.nbd.app;

import org.jspecify.annotations.NullMarked;
