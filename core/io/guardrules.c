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
#include <stdlib.h>
#include <string.h>

#define ICMP  1
#define ICMP6 58
/* Forged packets are dropped before conntrack (-200) sees them, unless its marks are needed. */
#define BEFORE_CONNTRACK -310
#define AFTER_CONNTRACK	 -190
#define BEFORE_SRCNAT	 99

/* ---- sets */

static int interval_cmp(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

/* The first address behind the prefix; false: there is none. */
static bool after(const uint8_t *first, unsigned int len, unsigned int bits, uint8_t *out)
{
	unsigned int i = bits ? (bits - 1) / 8 : 0, step = bits ? 0x80u >> ((bits - 1) % 8) : 0;

	memcpy(out, first, len);
	if (!bits)
		return false;
	for (;; i--) {
		unsigned int sum = out[i] + step;

		out[i] = (uint8_t)sum;
		if (sum <= 255)
			return true;
		if (!i)
			return false;
		step = 1;
	}
}

static struct nft_interval interval(const struct hp_prefix *p, int family)
{
	unsigned int len = family == 4 ? 4 : 16, skip = 16 - len;
	struct nft_interval v = { .open = false };

	memcpy(v.first, p->addr.b + skip, len);
	v.open = !after(v.first, len, p->bits - skip * 8, v.end);
	return v;
}

static size_t join(struct nft_interval *list, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		struct nft_interval *last = kept ? &list[kept - 1] : NULL;

		if (!last || (!last->open && memcmp(last->end, list[i].first, 16) < 0)) {
			list[kept++] = list[i];
		} else if (!last->open &&
			   (list[i].open || memcmp(last->end, list[i].end, 16) < 0)) {
			last->open = list[i].open;
			memcpy(last->end, list[i].end, 16);
		}
	}
	return kept;
}

int guard_intervals(const struct hp_prefix *list, size_t n, int family, struct nft_interval **out,
		    size_t *n_out)
{
	struct nft_interval *v = calloc(n + 1, sizeof(*v));
	size_t found = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (hp_addr_is4(&list[i].addr) == (family == 4))
			v[found++] = interval(&list[i], family);
	qsort(v, found, sizeof(*v), interval_cmp);
	*n_out = join(v, found);
	*out = v;
	return 0;
}

static const struct {
	const char *name[2]; /* IPv4, IPv6 */
} sets[] = { { { "protected4", "protected6" } }, { { "clients4", "clients6" } },
	     { { "hip_hosts4", "hip_hosts6" } }, { { "pools4", "pools6" } },
	     { { "hosted4", "hosted6" } } };

enum set { PROTECTED, CLIENTS, HIP_HOSTS, POOLS, HOSTED };

static int set_write(struct nft_batch *b, enum set which, const struct hp_prefix *list, size_t n)
{
	int err = 0;

	for (int i = 0; !err && i < 2; i++) {
		unsigned int len = i ? 16 : 4;
		struct nft_interval *v;
		size_t n_v;

		err = guard_intervals(list, n, i ? 6 : 4, &v, &n_v);
		if (err)
			return err;
		nft_set(b, sets[which].name[i], len);
		nft_set_add(b, sets[which].name[i], len, v, n_v);
		free(v);
	}
	return err;
}

/* ---- matches */

struct writer {
	struct nft_batch *b;
	const struct hp_guard_cfg *cfg;
	const struct hp_gate_want *w;
	int family; /* whose rules are being written */
};

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

static const char *set_of(const struct writer *w, enum set which)
{
	return sets[which].name[w->family == 6];
}

/* A rule about packets of the family. */
static void rule(const struct writer *w, const char *chain)
{
	uint8_t family = w->family == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6;

	nft_rule(w->b, chain);
	nft_meta_is(w->b, NFT_META_NFPROTO, true, &family, 1);
}

static void protocol(const struct writer *w, uint8_t proto)
{
	nft_meta_is(w->b, NFT_META_L4PROTO, true, &proto, 1);
}

static void leave(const struct writer *w, int code, const char *chain)
{
	nft_verdict(w->b, code, chain);
	nft_rule_end(w->b);
}

static void drop(const struct writer *w, enum hp_guard_counter c)
{
	nft_count(w->b, hp_guard_counter_name(c));
	leave(w, NF_DROP, NULL);
}

/* By or from a device, whatever the family. */
static void device_passes(const struct writer *w, const char *chain, uint32_t key, const char *name)
{
	nft_rule(w->b, chain);
	nft_name_is(w->b, key, true, name);
	leave(w, NFT_RETURN, NULL);
}

/* Connections that began in the clear and stay so. */
static void begun_passes(const struct writer *w, const char *chain)
{
	if (!w->w->mark)
		return;
	nft_rule(w->b, chain);
	nft_ct_mark(w->b, w->w->mask, w->w->mark);
	leave(w, NFT_RETURN, NULL);
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

	for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++)
		policies(w, &views[i]);
}

/* What client.rules block goes nowhere but to the daemon, whatever its destination. */
static void blocked(const struct writer *w)
{
	struct view v = { "blocked", HP_GUARD_OUT, saddr(w->family), daddr(w->family),
			  transport(2, 2), { 0 }, false };

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

/* Every packet that this machine forwards pays for each rule: none is written for nothing. */
static void hip_hosts_pass(const struct writer *w, const char *chain)
{
	if (!w->w->hip_hosts.n)
		return;
	rule(w, chain);
	nft_field_in(w->b, saddr(w->family), set_of(w, HIP_HOSTS));
	leave(w, NFT_RETURN, NULL);
	rule(w, chain);
	nft_field_in(w->b, daddr(w->family), set_of(w, HIP_HOSTS));
	leave(w, NFT_RETURN, NULL);
}

/* Type and code of errors about forwarded packets. */
static const struct { uint8_t family, proto; uint16_t min, max; } errors[] = {
	{ 4, ICMP, 0x0300, 0x0301 }, { 4, ICMP, 0x0304, 0x04ff }, { 4, ICMP, 0x0b00, 0x0cff },
	{ 6, ICMP6, 0x0100, 0x0103 }, { 6, ICMP6, 0x0200, 0x0400 },
};

static void error_range(const struct writer *w, uint8_t proto, uint16_t from, uint16_t to)
{
	uint16_t min = htons(from), max = htons(to);

	protocol(w, proto);
	nft_field_range(w->b, transport(0, 2), &min, &max);
}

/* Any error whatever its code: from outside all of them are refused. */
static void quoting(const struct writer *w)
{
	static const struct { uint8_t family, proto; uint16_t min, max; } types[] = {
		{ 4, ICMP, 0x0300, 0x05ff }, { 4, ICMP, 0x0b00, 0x0cff },
		{ 6, ICMP6, 0x0100, 0x7fff },
	};
	struct nft_field d = daddr(w->family);

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (types[i].family != w->family)
			continue;
		rule(w, "prerouting");
		error_range(w, types[i].proto, types[i].min, types[i].max);
		nft_field_in(w->b, transport(8 + d.offset, d.len), set_of(w, PROTECTED));
		nft_field_in(w->b, d, set_of(w, CLIENTS));
		nft_daddr_local(w->b, false);
		leave(w, NFT_GOTO, "quoted");
	}
}

/* A client's address from where no client is: nobody else may speak to peers in its name. */
static void forged_client(const struct writer *w)
{
	if (!w->w->n_interfaces)
		return;
	rule(w, "prerouting");
	for (size_t i = 0; i < w->w->n_interfaces; i++)
		nft_name_is(w->b, NFT_META_IIFNAME, false, w->w->interfaces[i]);
	nft_field_in(w->b, daddr(w->family), set_of(w, PROTECTED));
	nft_field_in(w->b, saddr(w->family), set_of(w, CLIENTS));
	drop(w, HP_GUARD_CLIENT);
}

static void pools(const struct writer *w)
{
	if (!w->cfg->n_pools)
		return;
	rule(w, "prerouting");
	nft_field_in(w->b, saddr(w->family), set_of(w, POOLS));
	drop(w, HP_GUARD_POOL);
}

/* Answers to what the server has begun itself come in.  Without hosted servers there is no such
 * rule: it makes conntrack run. */
static void hosted(const struct writer *w)
{
	if (!w->cfg->n_hosted)
		return;
	rule(w, "forward");
	nft_field_in(w->b, daddr(w->family), set_of(w, HOSTED));
	nft_ct_begins(w->b);
	drop(w, HP_GUARD_HOSTED);
}

static void prerouting(const struct writer *w)
{
	hip_hosts_pass(w, "prerouting");
	forged_client(w);
	rule(w, "prerouting");
	nft_field_in(w->b, saddr(w->family), set_of(w, PROTECTED));
	nft_field_in(w->b, daddr(w->family), set_of(w, CLIENTS));
	nft_daddr_local(w->b, false);
	leave(w, NFT_GOTO, "inbound");
	quoting(w);
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
	hip_hosts_pass(w, "forward");
	if (blocks(w)) {
		rule(w, "forward");
		nft_field_in(w->b, saddr(w->family), set_of(w, CLIENTS));
		leave(w, NFT_JUMP, "blocked");
	}
	rule(w, "forward");
	if (!w->w->block_unknown)
		nft_field_in(w->b, daddr(w->family), set_of(w, PROTECTED));
	nft_field_in(w->b, saddr(w->family), set_of(w, CLIENTS));
	leave(w, NFT_GOTO, "outbound");
	for (size_t i = 0; i < w->w->n_interfaces; i++) {
		rule(w, "forward");
		nft_name_is(w->b, NFT_META_IIFNAME, true, w->w->interfaces[i]);
		nft_field_in(w->b, daddr(w->family), set_of(w, PROTECTED));
		leave(w, NFT_GOTO, "outbound");
	}
}

static void output(const struct writer *w)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		if (errors[i].family != w->family)
			continue;
		rule(w, "output");
		nft_field_in(w->b, daddr(w->family), set_of(w, PROTECTED));
		error_range(w, errors[i].proto, errors[i].min, errors[i].max);
		drop(w, HP_GUARD_ERROR);
	}
}

/* ---- all of it */

/* The rules that follow are about the other family. */
static void family_ends(const struct writer *w)
{
	static const char *const in[] = { "prerouting", "forward", "output" };

	for (size_t i = 0; i < sizeof(in) / sizeof(*in); i++) {
		rule(w, in[i]);
		leave(w, NFT_RETURN, NULL);
	}
}

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

static void chains(const struct writer *w)
{
	static const char *const plain[] = { "inbound", "quoted", "outbound", "blocked" };
	const struct nft_hook hooks[] = {
		{ "filter", NF_INET_PRE_ROUTING,
		  w->w->mark ? AFTER_CONNTRACK : BEFORE_CONNTRACK },
		{ "filter", NF_INET_FORWARD, BEFORE_CONNTRACK },
		{ "filter", NF_INET_LOCAL_OUT, BEFORE_CONNTRACK },
	};

	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		nft_chain(w->b, plain[i], NULL);
	nft_chain(w->b, "prerouting", &hooks[0]);
	nft_chain(w->b, "forward", &hooks[1]);
	nft_chain(w->b, "output", &hooks[2]);
}

static int all_sets(const struct writer *w)
{
	int err = set_write(w->b, PROTECTED, w->w->protected.at, w->w->protected.n);

	if (!err)
		err = set_write(w->b, CLIENTS, w->w->networks.at, w->w->networks.n);
	if (!err)
		err = set_write(w->b, HIP_HOSTS, w->w->hip_hosts.at, w->w->hip_hosts.n);
	if (!err)
		err = set_write(w->b, POOLS, w->cfg->pools, w->cfg->n_pools);
	return err ? err : set_write(w->b, HOSTED, w->cfg->hosted, w->cfg->n_hosted);
}

int guard_write(struct nft_batch *b, const struct hp_guard_cfg *cfg, bool nat)
{
	struct writer w = { b, cfg, cfg->want, 4 };
	int err = all_sets(&w);

	if (err)
		return err;
	for (int c = 0; c < HP_GUARD_COUNTS; c++)
		nft_counter(b, hp_guard_counter_name((enum hp_guard_counter)c));
	chains(&w);
	device_passes(&w, "prerouting", NFT_META_IIFNAME, cfg->tun);
	device_passes(&w, "prerouting", NFT_META_IIFNAME, "lo");
	device_passes(&w, "forward", NFT_META_OIFNAME, cfg->tun);
	device_passes(&w, "forward", NFT_META_IIFNAME, cfg->tun);
	device_passes(&w, "output", NFT_META_OIFNAME, cfg->tun);
	begun_passes(&w, "prerouting");
	begun_passes(&w, "forward");
	for (w.family = 4; w.family <= 6; w.family += 2) {
		pools(&w);
		hosted(&w);
		if (!cfg->want->clients)
			continue;
		all_policies(&w);
		blocked(&w);
		prerouting(&w);
		forward(&w);
		output(&w);
		if (w.family == 4)
			family_ends(&w);
	}
	if (nat)
		keep_sources(b, cfg->tun);
	return 0;
}
