/** The payload over HTTP. */
@NullMarked
package org.stiefelsystem.payload.web;

import org.jspecify.annotations.NullMarked;
