@NullMarked
package org.stiefelsystem.nbd;

import org.jspecify.annotations.NullMarked;
