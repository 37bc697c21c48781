/**
 * The console: finds the command that the words name, runs it and turns its failure into two lines and an exit code.
 * The commands live in the packages below this one, each beside what it needs; they see this package, never each other's
 * insides.
 */
@NullMarked
package org.stiefelsystem.shell;

import org.jspecify.annotations.NullMarked;
