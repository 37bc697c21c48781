/** The same boot with one container per service, seen by Prometheus. */
@NullMarked
package org.stiefelsystem.compose;

import org.jspecify.annotations.NullMarked;
