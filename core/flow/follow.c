/* SPDX-License-Identifier: MIT
 *
 * Followed flows: see follow.h.
 *
 * A stream's record hangs on its map of sequence numbers.  A datagram flow has no room for a
 * pointer: its record is found by the flow's number, for packets of followed flows only.
 */
#include "flow/follow.h"

#include <errno.h>
#include <stdlib.h>

#include "flow/flowdb_internal.h"
#include "wire/ip.h"

static bool is_tcp(const struct hp_flow *f)
{
	return f->key.proto == HP_PROTO_TCP;
}

uint32_t hp_alg_hold(const struct hp_alg *alg)
{
	return alg->hold_bytes ? alg->hold_bytes : HP_ALG_HOLD;
}

struct hp_alg_call hp_follow_call(struct hp_follow *w, struct hp_packet *p)
{
	const struct hp_flow *f = w->flow;
	struct hp_alg_call c = {
		.self = w->self, .packet = p, .flow = w->flow, .key = &f->key,
		.session = w->alg->session_bytes ? w->session : NULL,
		.outbound = f->outbound, .is4 = hp_addr_is4(&f->key.legacy),
	};

	if (p) {
		c.dir = p->dir;
		c.from_client = (p->dir == HP_OUTBOUND) == f->outbound;
	}
	return c;
}

static bool is_of(const struct hp_hnode *n, const void *key)
{
	return HP_CONTAINER(n, const struct hp_follow, node)->flow == key;
}

struct hp_follow *hp_flow_followed(const struct hp_flow *f)
{
	struct hp_hnode *n;

	if (!(f->flags & HP_FLOW_FOLLOWED))
		return NULL;
	if (is_tcp(f))
		return f->seqadj->follow;
	n = hp_htab_find(&f->db->followed, f->number, is_of, f);
	return n ? HP_CONTAINER(n, struct hp_follow, node) : NULL;
}

static int attach(struct hp_flow *f, struct hp_follow *w)
{
	if (!is_tcp(f))
		return hp_htab_add(&f->db->followed, &w->node, f->number);
	f->seqadj = hp_seqadj_new(hp_alg_hold(w->alg));
	if (!f->seqadj)
		return -ENOMEM;
	f->seqadj->follow = w;
	return 0;
}

static void detach(struct hp_flow *f, struct hp_follow *w)
{
	if (is_tcp(f)) {
		hp_seqadj_free(f->seqadj);
		f->seqadj = NULL;
	} else {
		hp_htab_del(&f->db->followed, &w->node);
	}
	f->flags &= ~HP_FLOW_FOLLOWED;
	f->db->n_followed--;
	free(w);
}

int hp_flow_follow(struct hp_flow *f, struct hp_instance *self, const struct hp_alg *alg)
{
	struct hp_alg_call c;
	struct hp_follow *w;
	int err;

	if (alg->proto != f->key.proto || !(alg->stream || alg->datagram))
		return -EOPNOTSUPP;
	if (f->flags & HP_FLOW_FOLLOWED)
		return -EBUSY;
	w = calloc(1, sizeof(*w) + alg->session_bytes);
	if (!w)
		return -ENOMEM;
	w->flow = f;
	w->alg = alg;
	w->self = self;
	err = attach(f, w);
	if (err) {
		free(w);
		return err;
	}
	f->flags |= HP_FLOW_FOLLOWED;
	f->db->n_followed++;
	c = hp_follow_call(w, NULL);
	err = alg->open ? alg->open(&c) : 0;
	if (err)
		detach(f, w);
	return err;
}

void hp_flow_unfollow(struct hp_flow *f)
{
	struct hp_follow *w = hp_flow_followed(f);
	struct hp_alg_call c;

	if (!w)
		return;
	c = hp_follow_call(w, NULL);
	if (w->alg->close)
		w->alg->close(&c);
	detach(f, w);
}

size_t hp_flowdb_followed(const struct hp_flowdb *db)
{
	return db->n_followed;
}

void hp_alg_transparent(struct hp_flow *f, enum hp_direction dir, bool on)
{
	struct hp_follow *w = hp_flow_followed(f);

	if (!w)
		return;
	if (is_tcp(f))
		f->seqadj->dir[dir].open = on;
	else
		w->transparent[dir] = on;
}
