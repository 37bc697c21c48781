/** What runs, what is served, on which link, and how the last boot went. */
@NullMarked
package org.stiefelsystem.shell.status;

import org.jspecify.annotations.NullMarked;
