/* SPDX-License-Identifier: MIT
 *
 * What hipproxyd may ask hipproxy-gate for: nothing but what the configuration allows, also after
 * an attacker has taken it over.
 *
 *	HP_GM_LEARN	addresses of peers that a resolver or opportunistic mode may find: single
 *			hosts that are not this machine, no client, and no group
 *	pools, hosted	prefixes that a plugin's settings name
 *	addresses	HITs, if this machine may have one
 *
 * Configured peers need no word of hipproxyd: hipproxy-gate reads them itself.  This module is pure.
 */
#ifndef HP_GATE_ALLOW_H
#define HP_GATE_ALLOW_H

#include "gate/gate.h"
#include "gate/message.h"

struct hp_gate_limits {
	bool discovers; /* a resolver or opportunistic mode may find something out */
	bool host;	/* this machine may have HITs */
	size_t learned_max, addresses_max;
	const struct hp_gate_prefixes *named;	 /* in the settings of plugins */
	const struct hp_gate_prefixes *networks; /* of clients */
	const struct hp_gate_prefixes *own;	 /* this machine's addresses */
};

/* NULL: allowed; otherwise why not.  have: how many of the list there are already. */
const char *hp_gate_refusal(const struct hp_gate_limits *l, enum hp_gate_msg_type type,
			    const struct hp_prefix *p, size_t have);

#endif
