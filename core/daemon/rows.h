/* SPDX-License-Identifier: MIT
 *
 * Rows of the control socket's lists.
 */
#ifndef HP_DAEMON_ROWS_H
#define HP_DAEMON_ROWS_H

#include <jansson.h>

#include "daemon/daemon.h"
#include "flow/flowdb.h"
#include "flow/peerdb.h"

/* "" for the zero address. */
json_t *hp_row_addr(const struct hp_addr *a);
/* Both by enum hp_direction. */
void hp_row_traffic(json_t *o, const uint64_t packets[2], const uint64_t octets[2]);
json_t *hp_row_association(const struct hp_daemon *d, struct hp_assoc *a);
json_t *hp_row_flow(const struct hp_daemon *d, struct hp_flow *f);
json_t *hp_row_peer(const struct hp_daemon *d, const struct hp_peer *e);
/* The state that hp_row_peer shows. */
const char *hp_row_peer_state(const struct hp_daemon *d, const struct hp_peer *e);
const char *hp_row_proto(uint8_t proto, char buf[4]);

#endif
