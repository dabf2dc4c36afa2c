/* SPDX-License-Identifier: MIT
 *
 * A run of stream.h: dice, hops, and what must hold in the end.
 */
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- dice */

uint32_t stream_roll(struct stream *s, uint32_t sides)
{
	uint32_t n = 0;

	if (sides < 2)
		return 0;
	if (!s->script) {
		s->state ^= s->state << 13;
		s->state ^= s->state >> 7;
		s->state ^= s->state << 17;
		return (uint32_t)(s->state >> 20) % sides;
	}
	for (uint32_t most = sides - 1; most && s->script_left; most >>= 8, s->script_left--)
		n = n << 8 | *s->script++;
	return n % sides;
}

bool stream_chance(struct stream *s, unsigned per_mille)
{
	if (!per_mille || (s->script && !s->script_left))
		return false;
	return s->script ? stream_roll(s, 256) * 1000 < per_mille * 256 :
			   stream_roll(s, 1000) < per_mille;
}

void stream_wrong(struct stream *s, const char *why)
{
	if (!s->why)
		s->why = why;
}

/* ---- a plan */

static unsigned one_of(struct stream *s, const unsigned *list, unsigned n)
{
	return list[stream_roll(s, n)];
}

#define ONE_OF(s, ...)                                                              \
	one_of(s, (const unsigned[]){ __VA_ARGS__ },                                \
	       sizeof((const unsigned[]){ __VA_ARGS__ }) / sizeof(unsigned))

static void plan_direction(struct stream *s, int dir)
{
	struct stream_plan *p = &s->plan;

	p->mss[dir] = ONE_OF(s, 1460, 1380, 536, 200);
	p->cut[dir] = ONE_OF(s, 1460, 700, 120, 30, 4);
	if (p->cut[dir] > p->mss[!dir] - 52)
		p->cut[dir] = p->mss[!dir] - 52;
	p->len[dir] = p->cut[dir] * (2 + stream_roll(s, 30));
	p->len[dir] -= stream_roll(s, p->cut[dir]);
	if (p->len[dir] > STREAM_MAX)
		p->len[dir] = STREAM_MAX;
	if (stream_chance(s, 50))
		p->len[dir] = 0;
	p->window[dir] = ONE_OF(s, 60000, 60000, 8000, 1500, 300);
	p->kinds[dir] = stream_roll(s, 1u << STREAM_KINDS);
	if (!stream_chance(s, 150))
		p->kinds[dir] &= ~(1u << STREAM_SILENT);
	if (!p->kinds[dir])
		p->kinds[dir] = 1u << STREAM_PLAIN;
	/* What grows much takes many round trips through a small window. */
	if (p->kinds[dir] & 1u << STREAM_GROW && p->window[dir] < 8000 && p->len[dir] > 300)
		p->len[dir] = 300;
}

void stream_plan(struct stream *s)
{
	struct stream_plan *p = &s->plan;

	memset(p, 0, sizeof(*p));
	p->v6 = stream_chance(s, 500);
	p->routed = stream_chance(s, 300);
	p->stamps = stream_chance(s, 500);
	p->sack = stream_chance(s, 700);
	p->trust_sack = p->sack && stream_chance(s, 500);
	p->urgent = stream_chance(s, 200);
	p->super = stream_chance(s, 400);
	p->nagle = stream_chance(s, 300);
	p->reset = stream_chance(s, 150);
	p->lose = ONE_OF(s, 0, 20, 100, 300);
	p->repeat = ONE_OF(s, 0, 20, 150);
	p->delay = ONE_OF(s, 0, 30, 300);
	p->again = ONE_OF(s, 0, 10, 200);
	p->probe = ONE_OF(s, 0, 10, 50);
	p->open = ONE_OF(s, 0, 0, 20, 100);
	p->mss[0] = p->mss[1] = 1460;
	for (int i = 0; i < 2; i++)
		plan_direction(s, i);
	for (int i = 0; i < 2; i++)
		if (p->cut[i] > p->mss[!i] - 52)
			p->cut[i] = p->mss[!i] - 52;
}

/* ---- hops */

static void free_packet(struct hp_packet *p)
{
	free(p->buf);
	free(p);
}

static struct hp_packet *copy(const struct hp_packet *p)
{
	struct hp_packet *q = malloc(sizeof(*q));

	*q = *p;
	q->buf = malloc(p->len);
	q->data = q->buf;
	memcpy(q->data, p->data, p->len);
	return q;
}

void stream_send(struct stream *s, bool to_end, struct hp_packet *p)
{
	bool calm = s->round > STREAM_CALM;
	uint64_t due = s->round + 1;

	if ((!calm && stream_chance(s, s->plan.lose)) || s->n_hop + 2 > STREAM_HOP) {
		free_packet(p);
		return;
	}
	if (!calm && stream_chance(s, s->plan.delay))
		due += stream_roll(s, 12);
	if (!calm && stream_chance(s, s->plan.repeat))
		s->hop[s->n_hop++] = (struct stream_hop){ to_end, due + 1 + stream_roll(s, 9),
							  copy(p) };
	s->hop[s->n_hop++] = (struct stream_hop){ to_end, due, p };
}

/* The end that a packet belongs to: end 1 speaks between HITs. */
static int end_of(const struct hp_packet *p)
{
	struct hp_addr a = { { 0 } };

	if (p->data[0] >> 4 == 4)
		return 0;
	memcpy(a.b, p->data + 8, 16);
	return hp_addr_is_hit(&a);
}

static void deliver(struct stream *s, struct stream_hop *h)
{
	int at = end_of(h->p);

	if (h->to_end) {
		if (!s->why)
			stream_end_take(s, at, h->p);
		free_packet(h->p);
	} else if (at) {
		lab_local(s->lab, 1, h->p);
	} else {
		if (!s->lab->routed)
			h->p->gso_size = 0; /* NFQUEUE does not tell */
		lab_capture(s->lab, h->p);
	}
}

static void hops(struct stream *s)
{
	for (unsigned i = 0; i < s->n_hop;) {
		struct stream_hop h = s->hop[i];

		if (h.due > s->round) {
			i++;
			continue;
		}
		memmove(&s->hop[i], &s->hop[i + 1], (--s->n_hop - i) * sizeof(h));
		deliver(s, &h);
	}
}

static void collect(struct stream *s, int at)
{
	for (size_t i = 0; i < lab_count(s->lab, at); i++) {
		const struct seen *n = lab_out(s->lab, at, i);
		struct hp_packet p = { .data = n->data, .len = n->len, .gso_size = n->gso,
				       .csum_partial = n->partial };

		stream_send(s, true, copy(&p));
	}
	lab_forget(s->lab, at);
}

/* ---- a run */

static void begin(struct stream *s)
{
	struct talk t = s->plan.v6 ? lab_talk6(40000) : lab_talk4(40000);

	s->lab->routed = s->plan.routed;
	for (int i = 0; i < 2; i++)
		stream_end_init(s, i);
	s->e[0].self = t.client;
	s->e[0].peer = t.served;
	s->e[0].sport = t.sport;
	s->e[0].dport = t.dport;
	stream_follow_reset(s);
	s->round = 100;
}

static void round_of(struct stream *s)
{
	s->round++;
	for (int i = 0; i < 2; i++)
		stream_end_act(s, i);
	hops(s);
	if (s->flow)
		for (int i = 0; i < 2; i++)
			if (s->o[i].open && stream_chance(s, 30))
				stream_transparent(s, (enum hp_direction)i, false);
	lab_run(s->lab, 1);
	collect(s, 0);
	collect(s, 1);
}

static void check_stream(struct stream *s, int dir)
{
	const struct stream_oracle *o = &s->o[dir];
	const struct stream_end *to = &s->e[!dir];
	uint32_t fin = to->fin_at >= 0;

	if (s->plan.reset && to->rcv < o->out_len + s->e[dir].len - o->cursor) {
		/* What is held has not been sent on: the stream has not ended. */
		STREAM_HOLDS(s, to->rcv >= o->out_len &&
			     o->cursor + o->pending == s->e[dir].len);
	} else {
		stream_finish(s, dir);
		STREAM_HOLDS(s, to->rcv == o->out_len + fin);
	}
	STREAM_HOLDS(s, fin == !s->plan.reset);
	if (!s->why && memcmp(to->got, o->out, to->rcv - fin) != 0)
		stream_wrong(s, "the receiver has another stream");
}

static void check_urgent(struct stream *s, int dir)
{
	uint32_t low, high;

	if (!s->e[dir].urgent || s->e[!dir].urgent_at < 0)
		return;
	s->urgents++;
	stream_place(&s->o[dir], s->e[dir].urgent, &low, &high);
	STREAM_HOLDS(s, s->e[!dir].urgent_at >= low && s->e[!dir].urgent_at <= high);
}

/* A reset counts only with the very next number (RFC 5961, 3.2). */
static void check_reset(struct stream *s)
{
	int at = (int)stream_roll(s, 2);

	s->plan.lose = 0;
	s->resets++;
	stream_end_reset(s, at);
	for (int i = 0; i < 40 && !s->why; i++) {
		s->round++;
		hops(s);
		lab_run(s->lab, 1);
		collect(s, 0);
		collect(s, 1);
	}
	STREAM_HOLDS(s, s->e[!at].reset_at == s->e[!at].rcv);
}

static void drain(struct stream *s)
{
	for (unsigned i = 0; i < s->n_hop; i++)
		free_packet(s->hop[i].p);
	s->n_hop = 0;
	lab_run(s->lab, 5);
	lab_forget(s->lab, 0);
	lab_forget(s->lab, 1);
}

static bool ended(const struct stream *s)
{
	return stream_end_done(s, 0) && stream_end_done(s, 1);
}

const char *stream_run(struct stream *s)
{
	begin(s);
	while (!s->why && !ended(s) && s->round < STREAM_ENDS)
		round_of(s);
	if (!s->why && !ended(s))
		stream_wrong(s, "the transfer does not end");
	if (s->plan.reset && !s->why)
		check_reset(s);
	for (int i = 0; i < 2 && !s->why; i++) {
		check_stream(s, i);
		check_urgent(s, i);
	}
	drain(s);
	return s->why;
}
