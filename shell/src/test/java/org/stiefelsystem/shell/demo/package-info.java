@NullMarked
package org.stiefelsystem.shell.demo;

import org.jspecify.annotations.NullMarked;
