/**
 * The conversation: {@link org.stiefelsystem.nbd.server.NbdServer} accepts, a handshake leads to what was negotiated,
 * and the transmission needs that to begin. One blocking platform thread for each connection.
 */
@NullMarked
package org.stiefelsystem.nbd.server;

import org.jspecify.annotations.NullMarked;
