/* SPDX-License-Identifier: MIT
 *
 * What is in the guard's table (see guard.h).
 */
#include "io/guardrules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <stdio.h>
#include <string.h>

#define ICMP  1
#define ICMP6 58
/* Forged packets are dropped before conntrack (-200) sees them, unless its marks are needed. */
#define BEFORE_CONNTRACK -310
#define AFTER_CONNTRACK	 -190
#define BEFORE_ROUTING	 -150
#define BEFORE_SRCNAT	 99

enum list { PROTECTED, CLIENTS, HIP_HOSTS, POOLS, HOSTED, LISTS };

static const char *const list_names[] = { "protected", "clients", "hip_hosts", "pools", "hosted" };

struct writer {
	struct nft_batch *b;
	const struct hp_guard_cfg *cfg;
	const struct hp_gate_want *w;
	struct guard_list lists[LISTS];
	int family; /* whose rules are being written */
};

/* ---- matches */

static struct nft_field saddr(int family)
{
	return family == 4 ? (struct nft_field){ NFT_PAYLOAD_NETWORK_HEADER, 12, 4 } :
			     (struct nft_field){ NFT_PAYLOAD_NETWORK_HEADER, 8, 16 };
}

static struct nft_field daddr(int family)
{
	return family == 4 ? (struct nft_field){ NFT_PAYLOAD_NETWORK_HEADER, 16, 4 } :
			     (struct nft_field){ NFT_PAYLOAD_NETWORK_HEADER, 24, 16 };
}

static struct nft_field transport(uint32_t offset, uint32_t len)
{
	return (struct nft_field){ NFT_PAYLOAD_TRANSPORT_HEADER, offset, len };
}

/* Chains of IPv6 have names of their own.  So no rule asks for the family. */
static const char *chain_name(const struct writer *w, const char *chain, char name[32])
{
	snprintf(name, 32, "%.30s%s", chain, w->family == 6 ? "6" : "");
	return name;
}

static void rule(const struct writer *w, const char *chain)
{
	char name[32];

	nft_rule(w->b, chain_name(w, chain, name));
}

static void protocol(const struct writer *w, uint8_t proto)
{
	nft_meta_is(w->b, NFT_META_L4PROTO, true, &proto, 1);
}

static void leave(const struct writer *w, int code, const char *chain)
{
	char name[32];

	nft_verdict(w->b, code, chain ? chain_name(w, chain, name) : NULL);
	nft_rule_end(w->b);
}

static void drop(const struct writer *w, enum hp_guard_counter c)
{
	nft_count(w->b, hp_guard_counter_name(c));
	leave(w, NF_DROP, NULL);
}

/* A rule for each way in which the address may be in the list: it leads to another chain. */
static void listed(const struct writer *w, const char *chain, struct nft_field f, enum list which,
		   int code, const char *to)
{
	const struct guard_list *list = &w->lists[which];

	for (size_t i = 0; i < list->n[w->family == 6]; i++) {
		rule(w, chain);
		guard_way_match(w->b, f, &list->way[w->family == 6][i]);
		leave(w, code, to);
	}
}

static void listed_drop(const struct writer *w, const char *chain, struct nft_field f,
			enum list which, enum hp_guard_counter c)
{
	const struct guard_list *list = &w->lists[which];

	for (size_t i = 0; i < list->n[w->family == 6]; i++) {
		rule(w, chain);
		guard_way_match(w->b, f, &list->way[w->family == 6][i]);
		drop(w, c);
	}
}

static void device_passes(const struct writer *w, const char *chain, uint32_t key, const char *name)
{
	rule(w, chain);
	nft_name_is(w->b, key, true, name);
	leave(w, NFT_RETURN, NULL);
}

/* Connections that began in the clear and stay so. */
static void begun_passes(const struct writer *w, const char *chain)
{
	if (!w->w->mark)
		return;
	rule(w, chain);
	nft_ct_mark(w->b, w->w->mask, w->w->mark);
	leave(w, NFT_RETURN, NULL);
}

/* What came out of ESP, what is for this machine, and what began in the clear. */
static void arrivals_pass(const struct writer *w, const char *chain)
{
	device_passes(w, chain, NFT_META_IIFNAME, w->cfg->tun);
	device_passes(w, chain, NFT_META_IIFNAME, "lo");
	rule(w, chain);
	nft_daddr_local(w->b, true);
	leave(w, NFT_RETURN, NULL);
	begun_passes(w, chain);
}

static void departures_pass(const struct writer *w, const char *chain)
{
	device_passes(w, chain, NFT_META_OIFNAME, w->cfg->tun);
	device_passes(w, chain, NFT_META_IIFNAME, w->cfg->tun);
	begun_passes(w, chain);
}

/* ---- exceptions by client.rules */

/* Where in a packet the client, the destination, its protocol and the port are. */
struct view {
	const char *chain;
	enum hp_guard_counter counter;
	struct nft_field client, destination, port, proto;
	bool quoted;
};

static void in_prefix(const struct writer *w, struct nft_field f, const struct hp_prefix *p)
{
	unsigned int skip = w->family == 4 ? 96 : 0;
	uint8_t mask[16] = { 0 };

	if (p->bits <= skip)
		return;
	for (unsigned int i = 0; i < p->bits - skip; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> (i % 8));
	nft_field_masked(w->b, f, mask, p->addr.b + skip / 8);
}

static bool applies(const struct writer *w, const struct hp_gate_policy *p)
{
	bool four = w->family == 4;

	return (!p->client.bits || hp_addr_is4(&p->client.addr) == four) &&
	       (!p->destination.bits || hp_addr_is4(&p->destination.addr) == four) &&
	       p->proto != (four ? ICMP6 : ICMP);
}

static void policy_matches(const struct writer *w, const struct hp_gate_policy *p,
			   const struct view *v)
{
	uint16_t min = htons(p->port_min), max = htons(p->port_max);
	static const uint8_t all = 0xff;

	in_prefix(w, v->client, &p->client);
	in_prefix(w, v->destination, &p->destination);
	if (p->proto && v->quoted)
		nft_field_masked(w->b, v->proto, &all, &p->proto);
	else if (p->proto)
		protocol(w, p->proto);
	if (p->port_min || p->port_max != UINT16_MAX)
		nft_field_range(w->b, v->port, &min, &max);
}

/* In their order: what may pass leaves, all else is dropped at the end. */
static void policies(const struct writer *w, const struct view *v)
{
	for (size_t i = 0; i < w->w->n_rules; i++) {
		const struct hp_gate_policy *p = &w->w->rules[i];

		if (!applies(w, p))
			continue;
		rule(w, v->chain);
		policy_matches(w, p, v);
		if (p->action == HP_GATE_BYPASS)
			leave(w, NFT_RETURN, NULL);
		else
			drop(w, v->counter);
	}
	rule(w, v->chain);
	drop(w, v->counter);
}

/* Offsets in an ICMP error: 8 octets, then the packet that it quotes, with an IPv4 header of 20 or
 * an IPv6 header of 40 octets (RFC 792; RFC 4443, section 2.4). */
static void all_policies(const struct writer *w)
{
	bool four = w->family == 4;
	struct nft_field s = saddr(w->family), d = daddr(w->family);
	const struct view views[] = {
		{ "outbound", HP_GUARD_OUT, s, d, transport(2, 2), { 0 }, false },
		{ "inbound", HP_GUARD_SOURCE, d, s, transport(0, 2), { 0 }, false },
		{ "quoted", HP_GUARD_QUOTE, transport(8 + s.offset, s.len),
		  transport(8 + d.offset, d.len), transport(8 + (four ? 20 : 40) + 2, 2),
		  transport(8 + (four ? 9 : 6), 1), true },
	};

	departures_pass(w, "outbound");
	arrivals_pass(w, "inbound");
	arrivals_pass(w, "quoted");
	for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++)
		policies(w, &views[i]);
}

/* What client.rules block goes nowhere but to the daemon, whatever its destination. */
static void blocked(const struct writer *w)
{
	struct view v = { "blocked", HP_GUARD_OUT, saddr(w->family), daddr(w->family),
			  transport(2, 2), { 0 }, false };

	departures_pass(w, v.chain);
	for (size_t i = 0; i < w->w->n_rules; i++) {
		const struct hp_gate_policy *p = &w->w->rules[i];

		if (!applies(w, p))
			continue;
		rule(w, v.chain);
		policy_matches(w, p, &v);
		if (p->action == HP_GATE_BLOCK)
			drop(w, v.counter);
		else
			leave(w, NFT_RETURN, NULL);
	}
}

/* ---- inbound */

static void hip_hosts_pass(const struct writer *w, const char *chain)
{
	listed(w, chain, saddr(w->family), HIP_HOSTS, NFT_RETURN, NULL);
	listed(w, chain, daddr(w->family), HIP_HOSTS, NFT_RETURN, NULL);
}

static uint8_t icmp(const struct writer *w)
{
	return w->family == 4 ? ICMP : ICMP6;
}

struct errors {
	uint8_t family;
	uint16_t min, max; /* type << 8 | code */
};

static void error_range(const struct writer *w, const struct errors *e)
{
	uint16_t min = htons(e->min), max = htons(e->max);

	nft_field_range(w->b, transport(0, 2), &min, &max);
}

/* Any error whatever its code: from outside all of them are refused. */
static const struct errors all_errors[] = {
	{ 4, 0x0300, 0x05ff }, { 4, 0x0b00, 0x0cff }, { 6, 0x0100, 0x7fff },
};

#define N_ALL_ERRORS (sizeof(all_errors) / sizeof(*all_errors))

/* An error about a packet to a client, from where clients are, to a protected address: a router on
 * the way to the client sends it.  Routing leads what is marked to the TUN device. */
static void routers_errors(const struct writer *w)
{
	struct nft_field d = daddr(w->family);

	if (!w->w->icmp_mark)
		return;
	for (size_t i = 0; i < w->w->n_lan; i++) {
		rule(w, "errors");
		nft_name_is(w->b, NFT_META_IIFNAME, true, w->w->lan[i]);
		leave(w, NFT_JUMP, "router");
	}
	listed(w, "router", d, PROTECTED, NFT_GOTO, "router_about");
	listed(w, "router_about", transport(8 + d.offset, d.len), CLIENTS, NFT_GOTO, "router_mark");
	rule(w, "router_mark");
	nft_mark(w->b, w->w->icmp_mark);
	nft_rule_end(w->b);
}

static void errors(const struct writer *w)
{
	struct nft_field d = daddr(w->family);

	for (size_t i = 0; i < N_ALL_ERRORS; i++) {
		if (all_errors[i].family != w->family)
			continue;
		rule(w, "icmp");
		error_range(w, &all_errors[i]);
		leave(w, NFT_GOTO, "errors");
	}
	routers_errors(w);
	listed(w, "errors", d, CLIENTS, NFT_GOTO, "errors_in");
	listed(w, "errors_in", transport(8 + d.offset, d.len), PROTECTED, NFT_GOTO, "quoted");
}

/* A client's address from where no client is: nobody else may speak to peers in its name. */
static void strangers(const struct writer *w)
{
	const struct guard_list *list = &w->lists[CLIENTS];

	if (!w->w->n_interfaces)
		return;
	for (size_t i = 0; i < list->n[w->family == 6]; i++) {
		rule(w, "prerouting");
		guard_way_match(w->b, saddr(w->family), &list->way[w->family == 6][i]);
		for (size_t k = 0; k < w->w->n_interfaces; k++)
			nft_name_is(w->b, NFT_META_IIFNAME, false, w->w->interfaces[k]);
		leave(w, NFT_JUMP, "strangers");
	}
	device_passes(w, "strangers", NFT_META_IIFNAME, w->cfg->tun);
	device_passes(w, "strangers", NFT_META_IIFNAME, "lo");
	begun_passes(w, "strangers");
	listed_drop(w, "strangers", daddr(w->family), PROTECTED, HP_GUARD_CLIENT);
}

static void pools(const struct writer *w)
{
	listed(w, "prerouting", saddr(w->family), POOLS, NFT_GOTO, "pool");
	device_passes(w, "pool", NFT_META_IIFNAME, w->cfg->tun);
	device_passes(w, "pool", NFT_META_IIFNAME, "lo");
	rule(w, "pool");
	drop(w, HP_GUARD_POOL);
}

/* Answers to what the server has begun itself come in.  Without hosted servers there is no such
 * rule: it makes conntrack run. */
static void hosted(const struct writer *w)
{
	if (!w->cfg->n_hosted)
		return;
	listed(w, "forward", daddr(w->family), HOSTED, NFT_JUMP, "hosted");
	departures_pass(w, "hosted");
	rule(w, "hosted");
	nft_ct_begins(w->b);
	drop(w, HP_GUARD_HOSTED);
}

/* What neither comes from nor goes to a protected destination passes few rules: every packet that
 * this machine forwards pays for each of them. */
static void prerouting(const struct writer *w)
{
	strangers(w);
	rule(w, "prerouting");
	protocol(w, icmp(w));
	leave(w, NFT_JUMP, "icmp");
	errors(w);
	listed(w, "prerouting", daddr(w->family), CLIENTS, NFT_GOTO, "arriving");
	listed(w, "arriving", saddr(w->family), PROTECTED, NFT_GOTO, "inbound");
}

/* ---- outbound */

static bool blocks(const struct writer *w)
{
	bool any = false;

	for (size_t i = 0; i < w->w->n_rules; i++)
		any |= w->w->rules[i].action == HP_GATE_BLOCK;
	return any;
}

static void forward(const struct writer *w)
{
	if (blocks(w))
		listed(w, "forward", saddr(w->family), CLIENTS, NFT_JUMP, "blocked");
	if (w->w->icmp_mark && !w->w->n_interfaces) {
		rule(w, "forward");
		nft_marked(w->b, w->w->icmp_mark);
		leave(w, NFT_GOTO, "leaving");
	}
	listed(w, "forward", saddr(w->family), CLIENTS, NFT_GOTO,
	       w->w->block_unknown ? "outbound" : "leaving");
	for (size_t i = 0; i < w->w->n_interfaces; i++) {
		rule(w, "forward");
		nft_name_is(w->b, NFT_META_IIFNAME, true, w->w->interfaces[i]);
		leave(w, NFT_GOTO, "leaving");
	}
	listed(w, "leaving", daddr(w->family), PROTECTED, NFT_GOTO, "outbound");
}

/* Errors of this machine about packets that it forwards. */
static void output(const struct writer *w)
{
	static const struct errors own[] = {
		{ 4, 0x0300, 0x0301 }, { 4, 0x0304, 0x04ff }, { 4, 0x0b00, 0x0cff },
		{ 6, 0x0100, 0x0103 }, { 6, 0x0200, 0x0400 },
	};

	rule(w, "output");
	protocol(w, icmp(w));
	leave(w, NFT_GOTO, "own");
	device_passes(w, "own", NFT_META_OIFNAME, w->cfg->tun);
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		if (own[i].family != w->family)
			continue;
		rule(w, "own");
		error_range(w, &own[i]);
		leave(w, NFT_GOTO, "own_error");
	}
	listed_drop(w, "own_error", daddr(w->family), PROTECTED, HP_GUARD_ERROR);
}

/* ---- all of it */

/* The source of what goes to the TUN device stays the client's, whatever others masquerade. */
static void keep_sources(struct nft_batch *b, const char *tun)
{
	static const struct nft_hook hook = { "nat", NF_INET_POST_ROUTING, BEFORE_SRCNAT };

	nft_chain(b, "sources", &hook);
	for (int family = 4; family <= 6; family += 2) {
		uint8_t proto = family == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6;

		nft_rule(b, "sources");
		nft_name_is(b, NFT_META_OIFNAME, true, tun);
		nft_meta_is(b, NFT_META_NFPROTO, true, &proto, 1);
		nft_keep_source(b, saddr(family), (uint8_t)family);
		nft_rule_end(b);
	}
}

static const char *const plain_chains[] = {
	"inbound", "quoted", "outbound", "blocked", "strangers", "icmp", "errors", "errors_in",
	"router", "router_about", "router_mark", "arriving", "leaving", "pool", "hosted", "own",
	"own_error",
};

static const char *const base_chains[] = { "prerouting", "forward", "output" };

static void chains(const struct writer *w)
{
	const struct nft_hook hooks[] = {
		{ "filter", NF_INET_PRE_ROUTING,
		  w->w->mark ? AFTER_CONNTRACK : BEFORE_CONNTRACK },
		{ "filter", NF_INET_FORWARD, BEFORE_CONNTRACK },
		{ "filter", NF_INET_LOCAL_OUT, BEFORE_CONNTRACK },
	};
	char name[32];

	for (size_t i = 0; i < sizeof(plain_chains) / sizeof(*plain_chains); i++) {
		nft_chain(w->b, plain_chains[i], NULL);
		snprintf(name, sizeof(name), "%s6", plain_chains[i]);
		nft_chain(w->b, name, NULL);
	}
	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++) {
		snprintf(name, sizeof(name), "%s6", base_chains[i]);
		nft_chain(w->b, name, NULL);
		nft_chain(w->b, base_chains[i], &hooks[i]);
	}
}

/* Packets of connections with the mark get it: a routing rule sees only packets' marks. */
static void begun(const struct writer *w)
{
	static const struct nft_hook hook = { "filter", NF_INET_PRE_ROUTING, BEFORE_ROUTING };

	if (!w->w->mark)
		return;
	nft_chain(w->b, "begun", &hook);
	nft_rule(w->b, "begun");
	nft_ct_mark(w->b, w->w->mask, w->w->mark);
	nft_mark(w->b, w->w->mark);
	nft_rule_end(w->b);
}

/* The first rule of each base chain; all that follow are about IPv4. */
static void six_leave(const struct writer *w)
{
	static const uint8_t six = NFPROTO_IPV6;
	char name[32];

	for (size_t i = 0; i < sizeof(base_chains) / sizeof(*base_chains); i++) {
		snprintf(name, sizeof(name), "%s6", base_chains[i]);
		rule(w, base_chains[i]);
		nft_meta_is(w->b, NFT_META_NFPROTO, true, &six, 1);
		leave(w, NFT_GOTO, name);
	}
}

static int lists_write(struct writer *w, struct guard_names *names)
{
	struct hp_gate_prefixes of_cfg[] = {
		[POOLS] = { .at = (struct hp_prefix *)w->cfg->pools, .n = w->cfg->n_pools },
		[HOSTED] = { .at = (struct hp_prefix *)w->cfg->hosted, .n = w->cfg->n_hosted },
	};
	const struct hp_gate_prefixes *from[] = {
		&w->w->protected, &w->w->networks, &w->w->hip_hosts, &of_cfg[POOLS], &of_cfg[HOSTED],
	};
	int err = 0;

	for (int i = 0; !err && i < LISTS; i++)
		err = guard_list_write(w->b, list_names[i], from[i], i == PROTECTED && w->w->learns,
				       &w->lists[i], names);
	return err;
}

static void family_write(const struct writer *w)
{
	hip_hosts_pass(w, "prerouting");
	hip_hosts_pass(w, "forward");
	pools(w);
	hosted(w);
	if (!w->w->clients)
		return;
	all_policies(w);
	blocked(w);
	prerouting(w);
	forward(w);
	output(w);
}

int guard_write(struct nft_batch *b, const struct hp_guard_cfg *cfg, bool nat,
		const uint64_t *counts, struct guard_names *names)
{
	struct writer w = { .b = b, .cfg = cfg, .w = cfg->want, .family = 4 };
	int err = lists_write(&w, names);

	if (err)
		return err;
	for (int c = 0; c < HP_GUARD_COUNTS; c++)
		nft_counter(b, hp_guard_counter_name((enum hp_guard_counter)c),
			    counts ? counts[c] : 0);
	chains(&w);
	begun(&w);
	six_leave(&w);
	family_write(&w);
	w.family = 6;
	family_write(&w);
	if (nat)
		keep_sources(b, cfg->tun);
	return 0;
}

void guard_host_write(struct nft_batch *b, const struct hp_addr *addr, bool add)
{
	int family = hp_addr_is4(addr) ? 4 : 6;
	unsigned int len = family == 4 ? 4 : 16;
	char set[24];

	guard_host_set(set, list_names[PROTECTED], family);
	nft_set_key(b, set, len, addr->b + 16 - len, add);
}
