/** What the running services tell on their admin and health ports, as records, and how they are asked. */
@NullMarked
package org.stiefelsystem.shell.service;

import org.jspecify.annotations.NullMarked;
