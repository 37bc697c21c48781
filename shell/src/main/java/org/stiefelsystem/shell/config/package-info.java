/** The effective settings. */
@NullMarked
package org.stiefelsystem.shell.config;

import org.jspecify.annotations.NullMarked;
