/** The Spring Boot application around the payload: configuration, doors, object graph. */
@NullMarked
package org.stiefelsystem.payload.app;

import org.jspecify.annotations.NullMarked;
