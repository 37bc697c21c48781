/**
 * The datagrams by which a guest finds its host, and the policy that answers them. The specification of the bytes is
 * this module's README.
 */
@NullMarked
package org.stiefelsystem.discovery;

import org.jspecify.annotations.NullMarked;
