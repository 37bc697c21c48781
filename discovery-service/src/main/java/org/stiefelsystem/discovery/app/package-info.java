/** The Spring Boot application around discovery: sockets, HTTP, metrics. */
@NullMarked
package org.stiefelsystem.discovery.app;

import org.jspecify.annotations.NullMarked;
