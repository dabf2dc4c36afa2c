/* SPDX-License-Identifier: MIT
 *
 * Flow database: which port a flow gets where the one it asks for is in use.
 *
 * A few random tries come first (RFC 6056, algorithm 2): they cost the same whether ten ports or
 * all but one are in use.  If none of them is free, the flow that ended longest ago among them
 * gives its port up.  Only then every port is looked at.  For UDP, a port that no other mapping has
 * (flow/mapping.h) is better than one that is shared with another.
 */
#include "flow/flowdb_internal.h"

#include <errno.h>

#include "wire/ip.h"

#define RANDOM_TRIES   32u
#define FULL_MEMORY_MS 1000 /* how long "no port is free" is believed */

/* n ports: low, low + step, low + 2 * step, ... */
struct range {
	uint32_t low, n, step;
};

/* What a search has found. */
struct found {
	uint16_t port;
	uint32_t hash;         /* of the name that it makes */
	struct hp_flow *ended; /* that has the port; NULL: it is free */
	uint64_t idle_ms;      /* of ended */
	enum hp_mapping_rank rank;
};

bool hp_flow_has_ports(uint8_t proto)
{
	return proto == HP_PROTO_TCP || proto == HP_PROTO_UDP || proto == HP_PROTO_ICMP ||
	       proto == HP_PROTO_ICMP6;
}

/* RFC 4787, REQ-3 a: a well-known port stays one.  rsh, lpd and NFS servers take clients on
 * ports from 512 to 1023 for programs of root. */
static struct range range_of(uint8_t proto, uint16_t want)
{
	struct range all = { 1024, 65536 - 1024, 1 };

	if (proto == HP_PROTO_ICMP || proto == HP_PROTO_ICMP6 || want >= 1024)
		return all;
	return want >= 512 ? (struct range){ 512, 512, 1 } : (struct range){ 1, 1023, 1 };
}

/* The range's even or odd ports. */
static struct range half_of(struct range r, unsigned int parity)
{
	uint32_t low = r.low + ((r.low ^ parity) & 1);

	return (struct range){ low, (r.low + r.n - low + 1) / 2, 2 };
}

/* Looks at a port; true if it is better than what was found before. */
static bool look(struct hp_flowdb *db, struct hp_flow_key *k, bool outbound, uint32_t port,
		 struct found *best)
{
	struct found it = { .port = (uint16_t)port };

	*hp_flow_chosen_port(k, outbound) = it.port;
	it.ended = hp_flow_by_name(db, k, hp_flow_chosen_side(outbound), &it.hash);
	if (it.ended && !hp_flow_has_ended(it.ended, &it.idle_ms))
		return false;
	if (it.ended && best->port && it.idle_ms <= best->idle_ms)
		return false;
	it.rank = outbound ? hp_mapping_rank(db, k) : HP_PORT_FREE;
	if (best->port && it.rank > best->rank)
		return false;
	*best = it;
	return true;
}

static bool is_best(const struct found *f)
{
	return !f->ended && f->rank == HP_PORT_FREE;
}

static void try_some(struct hp_flowdb *db, struct hp_flow_key *k, bool outbound, struct range r,
		     struct found *best)
{
	for (uint32_t i = 0; i < RANDOM_TRIES; i++) {
		uint32_t port = r.low + hp_flow_random_below(db, r.n) * r.step;

		if (look(db, k, outbound, port, best) && is_best(best))
			return;
	}
}

static void try_all(struct hp_flowdb *db, struct hp_flow_key *k, bool outbound, struct range r,
		    struct found *best)
{
	uint32_t at = hp_flow_random_below(db, r.n);

	for (uint32_t i = 0; i < r.n; i++) {
		if (look(db, k, outbound, r.low + at * r.step, best))
			return;
		if (++at == r.n)
			at = 0;
	}
}

/* RFC 4787, REQ-4: a datagram's port keeps its parity if possible. */
static void search(struct hp_flowdb *db, struct hp_flow_key *k, bool outbound, uint16_t want,
		   struct found *best)
{
	struct range all = range_of(k->proto, want), first = all;

	if (k->proto == HP_PROTO_UDP)
		first = half_of(all, want & 1);
	try_some(db, k, outbound, first, best);
	if (!best->port)
		try_all(db, k, outbound, first, best);
	if (!best->port && first.n != all.n)
		try_all(db, k, outbound, half_of(all, ~want & 1), best);
}

/* Where it is remembered that every port between these ends and of this range is in use. */
static struct hp_port_full *full_slot(struct hp_flowdb *db, const struct hp_flow_key *k,
				      bool outbound, uint16_t want, uint64_t *hash)
{
	struct hp_flow_key any = *k;

	*hp_flow_chosen_port(&any, outbound) = (uint16_t)range_of(k->proto, want).low;
	*hash = hp_flow_name_hash(db, &any, hp_flow_chosen_side(outbound));
	return &db->full[*hash % HP_PORT_FULLS];
}

int hp_flow_choose_port(struct hp_flowdb *db, struct hp_flow_key *k, bool outbound,
			uint32_t *name_hash)
{
	uint16_t want = *hp_flow_chosen_port(k, outbound);
	uint64_t now = hp_clock_ms(db->clock), hash;
	struct found best = { 0 };
	struct hp_port_full *full;

	if (!hp_flow_has_ports(k->proto))
		return -EADDRINUSE;
	/* A whole search in vain costs milliseconds: it is not repeated for every packet. */
	full = full_slot(db, k, outbound, want, &hash);
	if (full->hash == hash && now < full->until_ms)
		return -EADDRINUSE;
	search(db, k, outbound, want, &best);
	if (!best.port) {
		*full = (struct hp_port_full){ hash, now + FULL_MEMORY_MS };
		return -EADDRINUSE;
	}
	if (best.ended)
		hp_flow_remove(best.ended, HP_FLOWC_TAKEN_OVER);
	*hp_flow_chosen_port(k, outbound) = best.port;
	*name_hash = best.hash;
	db->counters[HP_FLOWC_TRANSLATED]++;
	return 0;
}
