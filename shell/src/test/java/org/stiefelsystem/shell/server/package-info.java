@NullMarked
package org.stiefelsystem.shell.server;

import org.jspecify.annotations.NullMarked;
