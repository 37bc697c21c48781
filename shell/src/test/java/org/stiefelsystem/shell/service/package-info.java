@NullMarked
package org.stiefelsystem.shell.service;

import org.jspecify.annotations.NullMarked;
