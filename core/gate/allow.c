/* SPDX-License-Identifier: MIT
 *
 * What hipproxyd may ask for (see allow.h).
 */
#include "gate/allow.h"

static bool within(const struct hp_gate_prefixes *list, const struct hp_prefix *p)
{
	for (size_t i = 0; list && i < list->n; i++)
		if (list->at[i].bits <= p->bits && hp_prefix_contains(&list->at[i], &p->addr))
			return true;
	return false;
}

/* All of a family is a network of clients when none is configured: that says nothing. */
static bool is_client(const struct hp_gate_prefixes *networks, const struct hp_prefix *p)
{
	unsigned int any = hp_addr_is4(&p->addr) ? 96 : 0;

	for (size_t i = 0; networks && i < networks->n; i++)
		if (networks->at[i].bits > any && hp_prefix_contains(&networks->at[i], &p->addr))
			return true;
	return false;
}

/* Addresses that are never one host elsewhere: RFC 6890, and HITs, which are not routed. */
static bool is_special(const struct hp_addr *a)
{
	static const uint8_t loopback[16] = { [15] = 1 };

	if (hp_addr_is4(a))
		return a->b[12] == 0 || a->b[12] == 127 || (a->b[12] == 169 && a->b[13] == 254);
	return hp_addr_is_zero(a) || !memcmp(a->b, loopback, 16) || hp_addr_is_hit(a) ||
	       (a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80);
}

static const char *learn(const struct hp_gate_limits *l, const struct hp_prefix *p, size_t have)
{
	if (!l->discovers)
		return "no resolver and no opportunistic mode is configured";
	if (p->bits != 128)
		return "not a single host";
	if (hp_addr_is_multicast(&p->addr) || is_special(&p->addr))
		return "not the address of a host elsewhere";
	if (within(l->own, p))
		return "an address of this machine";
	if (is_client(l->networks, p))
		return "in a network of clients";
	return have >= l->learned_max ? "too many (limits.peers)" : NULL;
}

static const char *address(const struct hp_gate_limits *l, const struct hp_prefix *p, size_t have)
{
	if (!l->host)
		return "host.enabled is false";
	if (p->bits != 128 || !hp_addr_is_hit(&p->addr))
		return "not a HIT";
	return have >= l->addresses_max ? "more HITs than identities" : NULL;
}

const char *hp_gate_refusal(const struct hp_gate_limits *l, enum hp_gate_msg_type type,
			    const struct hp_prefix *p, size_t have)
{
	switch (type) {
	case HP_GM_LEARN:
	case HP_GM_LEARNED:
		return learn(l, p, have);
	case HP_GM_ADDRESSES:
		return address(l, p, have);
	case HP_GM_POOLS:
	case HP_GM_HOSTED:
	case HP_GM_MASQUERADE:
	case HP_GM_ANSWER:
		return within(l->named, p) ? NULL : "no plugin's settings name it";
	case HP_GM_FORGET:
		return NULL;
	default:
		return "no list";
	}
}
