/** What this machine needs, and its installation. */
@NullMarked
package org.stiefelsystem.shell.setup;

import org.jspecify.annotations.NullMarked;
