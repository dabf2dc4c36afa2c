/* SPDX-License-Identifier: MIT
 *
 * hp_expect: what a plugin announces becomes expectations (flow/expect.h), one for each port.
 */
#include <errno.h>

#include <hipproxy/alg.h>

#include "flow/flowdb_internal.h"
#include "flow/follow.h"
#include "wire/ip.h"

#define PORT_LOW   1024u
#define PORT_TRIES 64

/* Several expectations of consecutive ports, as one. */
struct wish {
	struct hp_flowdb *db;
	const struct hp_expectation *e;
	struct hp_expect first; /* with the first port */
	uint32_t n;
	struct hp_expect_limits limits;
};

static struct hp_expect nth(const struct wish *w, uint32_t i)
{
	struct hp_expect x = w->first;

	if (!hp_flow_has_ports(x.key.proto))
		return x;
	if (x.outbound) {
		x.key.far_port = (uint16_t)(x.key.far_port + i);
		x.key.peer_port = (uint16_t)(x.key.peer_port + i);
	} else {
		x.key.legacy_port = (uint16_t)(x.key.legacy_port + i);
		x.key.local_port = (uint16_t)(x.key.local_port + i);
	}
	return x;
}

/* Does another legacy host have this port on the HIT side? */
static bool is_mapped(const struct wish *w, const struct hp_flow_key *k)
{
	const struct hp_mapping *m;

	if (k->proto != HP_PROTO_UDP)
		return false;
	m = hp_mapping_find(w->db, &k->local_hit, k->local_port);
	return m && (m->legacy_port != k->legacy_port || !hp_addr_eq(&m->legacy, &k->legacy));
}

static bool is_free(const struct wish *w)
{
	for (uint32_t i = 0; i < w->n; i++) {
		struct hp_expect x = nth(w, i);

		if (!hp_expect_is_free(w->db->expect, &x) || (!x.outbound && is_mapped(w, &x.key)))
			return false;
	}
	return true;
}

static int add(struct wish *w)
{
	int err = 0;

	for (uint32_t i = 0; i < w->n && !err; i++) {
		struct hp_expect x = nth(w, i);

		err = hp_expect_add(w->db->expect, &x, &w->limits, w->e->timeout_ms);
		if (!err)
			continue;
		while (i-- > 0) {
			x = nth(w, i);
			hp_expect_drop(w->db->expect, &x);
		}
		break;
	}
	return err;
}

/* ---- choosing ports on the HIT side */

/* A random base of n ports that has port's parity. */
static uint16_t random_base(struct wish *w)
{
	uint32_t span = 65536 - PORT_LOW - w->n;
	uint32_t base = PORT_LOW + hp_flow_random_below(w->db, span);

	return (uint16_t)(base ^ ((base ^ w->e->port) & 1));
}

static int choose(struct wish *w)
{
	struct hp_flow_key *k = &w->first.key;

	if (!hp_flow_has_ports(k->proto))
		return is_free(w) ? 0 : -EADDRINUSE;
	k->local_port = hp_mapping_wish(w->db, k);
	for (int i = 0; i < PORT_TRIES; i++) {
		if (k->local_port + w->n <= 65536 && is_free(w))
			return 0;
		k->local_port = random_base(w);
	}
	return -EADDRINUSE;
}

/* ---- what is asked for */

static bool carries(const struct hp_flowdb *db, uint8_t proto)
{
	if (proto == HP_PROTO_TCP || proto == HP_PROTO_UDP)
		return true;
	/* An ICMP echo's identifier is no port that a host listens at. */
	return !hp_flow_has_ports(proto) && db->cfg.carries && db->cfg.carries(db->cfg.ctx, proto);
}

static int check(const struct hp_flowdb *db, const struct hp_flow *f,
		 const struct hp_expectation *e)
{
	uint8_t proto = e->proto ? e->proto : f->key.proto;
	uint32_t n = e->n_ports ? e->n_ports : 1;
	bool has_ports = hp_flow_has_ports(proto);

	if (!carries(db, proto) || (e->alg && e->alg->proto != proto) ||
	    e->options & ~HP_EXPECT_ANY_PEER || (unsigned int)e->kind > HP_EXPECT_LEGACY ||
	    (e->kind == HP_EXPECT_LEGACY && e->options & HP_EXPECT_ANY_PEER))
		return -EOPNOTSUPP;
	if (!e->timeout_ms || n > HP_ALG_RANGE || has_ports != (e->port != 0) ||
	    (!has_ports && (n > 1 || e->hip_port || e->from_port)) ||
	    e->port + n > 65536 || e->hip_port + n > 65536)
		return -EINVAL;
	return 0;
}

static struct hp_expect_limits limits_of(const struct hp_flow *f, const struct hp_instance *self)
{
	const struct hp_follow *w = hp_flow_followed(f);
	struct hp_expect_limits l = { HP_ALG_EXPECT, HP_ALG_EXPECT_ALL };

	if (!w || w->self != self)
		return l;
	if (w->alg->expect_per_flow)
		l.of_flow = w->alg->expect_per_flow;
	if (w->alg->expect_all)
		l.of_plugin = w->alg->expect_all;
	return l;
}

static struct hp_expect first_of(struct hp_flow *f, struct hp_instance *self,
				 const struct hp_expectation *e)
{
	struct hp_expect x = {
		.key = f->key, .outbound = e->kind == HP_EXPECT_LEGACY,
		.any_peer = e->options & HP_EXPECT_ANY_PEER, .from_port = e->from_port,
		.times = e->times ? e->times : 1, .flags = e->flow_flags & ~HP_FLOW_FOLLOWED,
		.parent = hp_flow_id(f), .parent_outbound = f->outbound,
		.parent_port = f->key.local_port, .parent_proto = f->key.proto,
		.self = self, .alg = e->alg,
	};

	if (e->proto)
		x.key.proto = e->proto;
	x.key.legacy_port = x.key.local_port = x.key.far_port = x.key.peer_port = 0;
	if (x.outbound) {
		x.key.far_port = e->port;
		x.key.peer_port = e->hip_port ? e->hip_port : e->port;
	} else {
		x.key.legacy_port = e->port;
		x.key.local_port = e->hip_port;
	}
	return x;
}

int hp_expect(struct hp_instance *self, struct hp_flow *f, struct hp_expectation *e)
{
	struct wish w = { .db = f->db, .e = e, .n = e->n_ports ? e->n_ports : 1 };
	int err = check(f->db, f, e);

	if (err)
		return hp_expect_refused(f->db->expect, err);
	w.first = first_of(f, self, e);
	w.limits = limits_of(f, self);
	if (!w.first.outbound && !e->hip_port)
		err = choose(&w);
	else if (!is_free(&w))
		err = -EADDRINUSE;
	f->announced = true;
	if (!err)
		err = add(&w);
	if (err)
		return hp_expect_refused(f->db->expect, err);
	e->hip_port = w.first.outbound ? w.first.key.peer_port : w.first.key.local_port;
	return 0;
}
