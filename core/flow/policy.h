/* SPDX-License-Identifier: MIT
 *
 * The administrator's rules: what happens to a connection, by client, destination, protocol and
 * port.  In order, the first that matches decides.
 */
#ifndef HP_FLOW_POLICY_H
#define HP_FLOW_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include <hipproxy/addr.h>

enum hp_policy_action {
	HP_POLICY_PROTECT, /* by HIP, if the destination can */
	HP_POLICY_BYPASS,  /* plain, untouched */
	HP_POLICY_BLOCK,
	HP_POLICY_ACTIONS
};

enum hp_policy_probe {
	HP_PROBE_HOLD,       /* first packets wait for the answer */
	HP_PROBE_BACKGROUND, /* they go out plain meanwhile */
};

struct hp_policy_rule {
	struct hp_prefix client, destination; /* bits 0: any, of either family */
	uint8_t proto;                /* 0: any */
	uint16_t port_min, port_max;  /* destination port; 0..65535: any */
	enum hp_policy_action action;
	enum hp_policy_probe probe;
	uint64_t hits;                /* counted by hp_policy_match */
};

struct hp_policy;

/* Copies the rules; otherwise is what happens when none matches (its action and probe count).
 * Compiles hits to 0.  NULL and errno: -ENOMEM, or EINVAL for port_min > port_max. */
struct hp_policy *hp_policy_new(const struct hp_policy_rule *rules, size_t n,
				const struct hp_policy_rule *otherwise);
void hp_policy_free(struct hp_policy *p);
/* Never NULL.  Counts a hit. */
const struct hp_policy_rule *hp_policy_match(struct hp_policy *p, const struct hp_addr *client,
					     const struct hp_addr *destination, uint8_t proto,
					     uint16_t dport);
/* Rule i, the default one is the last; NULL beyond. */
const struct hp_policy_rule *hp_policy_rule(const struct hp_policy *p, size_t i);
const char *hp_policy_action_name(enum hp_policy_action a);

#endif
