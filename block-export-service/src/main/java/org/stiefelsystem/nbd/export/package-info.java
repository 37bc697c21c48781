/**
 * What is served, to whom and when not: exports with their backends, leases and boot ids, and the rules that keep a
 * disk in use from being served.
 */
@NullMarked
package org.stiefelsystem.nbd.export;

import org.jspecify.annotations.NullMarked;
