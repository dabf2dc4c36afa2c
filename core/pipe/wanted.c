/* SPDX-License-Identifier: MIT
 *
 * What peers wanted lately and perhaps did not get: connections that access rules deny, ports of
 * applications here.  For `hipproxyctl doctor`, which finds out why.
 */
#include "pipe/wanted.h"

static bool is_same(const struct hp_pipe_wish *a, const struct hp_pipe_wish *b)
{
	return a->last_ms && a->port == b->port && a->proto == b->proto &&
	       hp_addr_eq(&a->peer_hit, &b->peer_hit) && hp_addr_eq(&a->local_hit, &b->local_hit);
}

void hp_pipe_wish(struct hp_pipe_wishes *w, const struct hp_packet *p, uint64_t now_ms)
{
	struct hp_pipe_wish wish = { .local_hit = p->dst, .peer_hit = p->src, .proto = p->proto,
				     .port = p->dport, .last_ms = now_ms };
	struct hp_pipe_wish *to = &w->at[0];

	for (size_t i = 0; i < HP_PIPE_WISHES; i++) {
		if (is_same(&w->at[i], &wish)) {
			w->at[i].last_ms = now_ms;
			return;
		}
		if (w->at[i].last_ms < to->last_ms)
			to = &w->at[i];
	}
	*to = wish;
}

const struct hp_pipe_wishes *hp_pipe_denied(const struct hp_pipe *pipe)
{
	return &pipe->denied;
}

const struct hp_pipe_wishes *hp_pipe_asked(const struct hp_pipe *pipe)
{
	return &pipe->asked;
}

/* ---- connections nobody answers */

#define IDLE_MAX_MS 60000 /* older connections say nothing about the present */

/* One end has sent twice, the other not at all.  After a single packet the answer may still be
 * under way. */
static bool is_mute(const struct hp_flow *f, enum hp_direction said)
{
	return (f->key.proto == HP_PROTO_TCP || f->key.proto == HP_PROTO_ICMP) &&
	       f->way[said].packets >= 2 && !f->way[!said].packets;
}

void hp_pipe_assoc_silence(struct hp_assoc *a, unsigned int *budget, struct hp_pipe_silence *out)
{
	const struct hp_pipe_assoc *pa = *hp_assoc_udata(a);
	struct hp_list *n;

	*out = (struct hp_pipe_silence){ .flows = 0 };
	if (!pa)
		return;
	HP_LIST_EACH (n, &pa->flows) {
		const struct hp_flow *f = hp_flow_of(n);

		out->flows++;
		if (!*budget)
			return;
		--*budget;
		if (hp_flow_idle_ms(f) > IDLE_MAX_MS)
			continue;
		if (f->outbound && is_mute(f, HP_OUTBOUND))
			out->waiting++;
		else if (!f->outbound && is_mute(f, HP_INBOUND))
			out->deaf = f;
	}
}
