/* SPDX-License-Identifier: MIT
 *
 * A flow: one transport conversation between a legacy host and a HIP peer.
 *
 * It has two names.  The legacy side: legacy (the legacy host), far (the address by which the
 * legacy host knows the HIP peer).  The HIT side: local_hit (the identity that stands for the
 * legacy host), peer_hit.  The same structure serves a client-side proxy (the legacy host began)
 * and a server-side proxy (the peer began).
 *
 *	legacy:legacy_port <-> far:far_port   ==   local_hit:local_port <-> peer_hit:peer_port
 */
#ifndef HIPPROXY_FLOW_H
#define HIPPROXY_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include <hipproxy/addr.h>

struct hp_assoc;
struct hp_flow;

struct hp_flow_key {
	struct hp_addr legacy, far;         /* legacy side */
	struct hp_addr local_hit, peer_hit; /* HIT side */
	uint16_t legacy_port, far_port;     /* host order; ICMP echo: identifier in legacy_port, 0 in far_port */
	uint16_t local_port, peer_port;     /* host order */
	uint8_t proto;
};

const struct hp_flow_key *hp_flow_key(const struct hp_flow *f);
struct hp_assoc *hp_flow_assoc(const struct hp_flow *f);
uint64_t hp_flow_id(const struct hp_flow *f);
/* True when the legacy host sent the first packet. */
bool hp_flow_is_outbound(const struct hp_flow *f);
/* The calling plugin's area in this flow: struct hp_plugin.flow_area_bytes octets, zeroed at the
 * start, aligned for any type; NULL if the plugin declared none. */
struct hp_plugin;
void *hp_flow_area(struct hp_flow *f, const struct hp_plugin *self);
/* Marks (bits 0..31) a hook's match can ask for. */
void hp_flow_flag_set(struct hp_flow *f, uint32_t bits);
uint32_t hp_flow_flags(const struct hp_flow *f);

#endif
