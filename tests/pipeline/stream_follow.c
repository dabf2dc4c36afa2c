/* SPDX-License-Identifier: MIT
 *
 * The stream function that a run registers, and the oracle that watches it: see stream.h.
 */
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/plugin.h>

#include "flow/follow.h"

#define HELD_MAX HP_ALG_HOLD

static struct stream *current;

/* ---- the adapter: all that this test knows of the interface */

static size_t on_octets(struct stream *s, int dir, const uint8_t *data, size_t len,
			bool *replace, uint8_t *out, size_t *out_len);

static size_t follow(struct hp_alg_call *c, const uint8_t *data, size_t len, struct hp_alg_out *out)
{
	return on_octets(current, c->dir, data, len, &out->replace, out->data, &out->len);
}

/* Its flows have any port. */
static const struct hp_alg alg = { .name = "stream.any", .proto = 6, .stream = follow };

static void begin(struct hp_instance *self, struct hp_flow *f)
{
	STREAM_HOLDS(current, !hp_flow_follow(f, self, &alg));
}

void stream_transparent(struct stream *s, enum hp_direction dir, bool on)
{
	hp_alg_transparent(s->flow, dir, on);
	s->o[dir].open = on;
	if (!on || s->o[dir].was_open)
		return;
	s->opened++;
	s->o[dir].was_open = true;
	/* What is held in that direction has been given too. */
	s->o[dir].seen = s->o[dir].cursor + s->o[dir].pending;
}

/* ---- the stream as it must come out */

static void map_add(struct stream *s, int dir, uint32_t len, const uint8_t *out, size_t out_len,
		    bool same)
{
	struct stream_oracle *o = &s->o[dir];
	struct stream_map *last = o->n ? &o->map[o->n - 1] : NULL;

	if (!len)
		return;
	if (o->n == STREAM_MAP || o->out_len + out_len > STREAM_OUT)
		abort();
	memcpy(o->out + o->out_len, out, out_len);
	if (last && last->same && same) {
		last->to += len;
		last->out_to += (uint32_t)out_len;
	} else {
		o->map[o->n++] = (struct stream_map){ o->cursor, o->cursor + len, o->out_len,
						      o->out_len + (uint32_t)out_len, same };
	}
	o->cursor += len;
	o->out_len += (uint32_t)out_len;
}

static void unchanged(struct stream *s, int dir, uint32_t upto, bool octet_by_octet)
{
	uint32_t at = s->o[dir].cursor;

	map_add(s, dir, upto - at, s->e[dir].text + at, upto - at, octet_by_octet);
}

void stream_finish(struct stream *s, int dir)
{
	unchanged(s, dir, s->e[dir].len, false);
	s->o[dir].pending = 0;
}

void stream_place(const struct stream_oracle *o, uint32_t at, uint32_t *low, uint32_t *high)
{
	*low = *high = o->out_len + (at - o->cursor);
	for (unsigned i = 0; i < o->n; i++) {
		const struct stream_map *m = &o->map[i];

		if (at < m->from || at > m->to)
			continue;
		*low = *high = at == m->from ? m->out_from : m->out_to;
		if (at > m->from && at < m->to) {
			*low = m->out_from + (m->same ? at - m->from : 0);
			*high = m->same ? *low : m->out_to;
		}
		return;
	}
}

/* Octet n of a changed token stands for octet n of what it became; the last one for the rest. */
static uint32_t needed(const struct stream_oracle *o, uint32_t at)
{
	for (unsigned i = 0; i < o->n; i++) {
		const struct stream_map *m = &o->map[i];

		if (at <= m->from || at > m->to)
			continue;
		if (at == m->to || m->out_from + (at - m->from) > m->out_to)
			return m->out_to;
		return m->out_from + (at - m->from);
	}
	return at > o->cursor ? o->out_len + (at - o->cursor) : at ? o->out_len : 0;
}

bool stream_may_ack(const struct stream *s, int dir, uint32_t ack)
{
	const struct stream_oracle *o = &s->o[dir];
	const struct stream_end *to = &s->e[!dir];
	uint32_t data = ack > s->e[dir].len ? s->e[dir].len : ack;

	if (ack > s->e[dir].len)
		return to->fin_at >= 0 && to->rcv > to->fin_at;
	if (needed(o, data) <= to->rcv)
		return true;
	for (unsigned i = 0; i < o->n_held; i++)
		if (o->held[i].out <= to->rcv && data <= o->held[i].upto)
			return true;
	return false;
}

bool stream_may_sack(const struct stream *s, int dir, uint32_t from, uint32_t to)
{
	const struct stream_end *r = &s->e[!dir];
	uint32_t first = from ? needed(&s->o[dir], from) : 0, end;

	if (to > s->e[dir].len)
		return r->fin_at >= 0;
	end = needed(&s->o[dir], to);
	for (uint32_t i = first; i < end; i++)
		if (i >= r->rcv && !r->have[i])
			return false;
	return true;
}

/* ---- the function */

static uint32_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return (uint32_t)(x >> 32);
}

/* A token depends on its place only, so that the same stream comes out whatever the segments. */
struct token {
	enum stream_kind kind;
	uint32_t len, wants, out_len;
};

static struct token token_at(const struct stream *s, int dir)
{
	const struct stream_oracle *o = &s->o[dir];
	uint64_t base = s->seed * 2 + (unsigned)dir + ((uint64_t)o->cursor << 32);
	uint32_t a = mix(base + 1), b = mix(base + 2), room;
	struct token t = { .kind = (enum stream_kind)(a % STREAM_KINDS) };

	while (!(s->plan.kinds[dir] & 1u << t.kind))
		t.kind = (enum stream_kind)((t.kind + 1) % STREAM_KINDS);
	t.len = 1 + (a >> 8) % (a & 0x80000000u ? 8 : 120);
	if (t.kind == STREAM_LONG)
		t.len = 700 + (a >> 8) % 1400;
	t.wants = t.kind == STREAM_LOOK ? t.len + b % 60 :
		  t.kind == STREAM_SILENT ? UINT32_MAX : t.len;
	t.out_len = t.kind == STREAM_GROW ? t.len + b % (b & 0x40000000u ? 1024 - t.len : 16) :
		    t.kind == STREAM_SHRINK ? b % t.len :
		    t.kind == STREAM_VANISH ? 0 : t.len;
	room = STREAM_OUT - o->out_len;
	if (t.out_len > t.len && room < STREAM_MAX + t.out_len)
		t.out_len = t.len;
	return t;
}

static void hold(struct stream_oracle *o, uint32_t len)
{
	if (o->n_held == STREAM_MAP)
		abort();
	o->held[o->n_held++] = (struct stream_held){ o->out_len, o->cursor + len };
}

/* Not decided.  Of more than 1 KB nothing is held: it passes. */
static size_t more(struct stream *s, int dir, uint32_t len)
{
	struct stream_oracle *o = &s->o[dir];

	if (o->shows_fin || len > HELD_MAX) {
		s->skipped += len > HELD_MAX;
		unchanged(s, dir, o->cursor + len, false);
		o->pending = 0;
		return 0;
	}
	s->held++;
	o->pending = len;
	hold(o, len);
	return 0;
}

static void check_offer(struct stream *s, int dir, const uint8_t *data, uint32_t len)
{
	struct stream_oracle *o = &s->o[dir];
	const struct stream_end *e = &s->e[dir];

	s->calls++;
	if (s->loud)
		printf("%6lu %d shows %u+%u of %u, before %u\n", (unsigned long)s->round, dir,
		       o->cursor, len, e->top, o->pending);
	STREAM_HOLDS(s, !o->open);
	/* With a full log, octets that were held when it began could not be let through either. */
	if (o->was_open && o->seen + len <= e->len && !memcmp(data, e->text + o->seen, len)) {
		unchanged(s, dir, o->seen, true);
		o->pending = 0;
	}
	o->was_open = false;
	STREAM_HOLDS(s, len > 0 && len >= o->pending);
	if (o->cursor + len > e->top || o->cursor + len > e->len)
		stream_wrong(s, "octets are shown that were not sent");
	else if (memcmp(data, e->text + o->cursor, len) != 0)
		stream_wrong(s, "octets are not shown once and in order");
}

/* Its own direction, or the other one, of which octets may be held. */
static void maybe_open(struct stream *s, int dir)
{
	struct stream_oracle *o = &s->o[dir];
	uint32_t dice = mix(s->seed + o->cursor * 7919u);

	if (!s->plan.open || dice % 1000 >= s->plan.open)
		return;
	if (dice & 1u << 20) {
		stream_transparent(s, (enum hp_direction)!dir, true);
		return;
	}
	stream_transparent(s, (enum hp_direction)dir, true);
	if (o->segment > o->seen)
		o->seen = o->segment;
}

/* Any answer that is allowed, by the octets offered. */
static size_t any_answer(const uint8_t *data, size_t len, bool *replace, uint8_t *out,
			 size_t *out_len)
{
	uint32_t a = mix(data[0] + len * 256u + ((uint64_t)data[len - 1] << 40));

	*replace = a & 1;
	*out_len = *replace ? (a >> 8) % 1025 : 0;
	memset(out, data[0], *out_len);
	return a & 2 ? (a >> 4) % (len + 1) : len + (a >> 30);
}

static size_t on_octets(struct stream *s, int dir, const uint8_t *data, size_t len,
			bool *replace, uint8_t *out, size_t *out_len)
{
	struct stream_oracle *o = &s->o[dir];
	struct token t;

	if (s->unchecked)
		return any_answer(data, len, replace, out, out_len);
	check_offer(s, dir, data, (uint32_t)len);
	if (s->why)
		return len;
	t = token_at(s, dir);
	if (t.kind != STREAM_PLAIN && t.wants > len)
		return more(s, dir, (uint32_t)len);
	if (t.len > len)
		t.len = t.out_len = (uint32_t)len;
	o->pending = 0;
	*replace = t.kind >= STREAM_SAME && t.kind <= STREAM_VANISH;
	if (!*replace) {
		map_add(s, dir, t.len, data, t.len, t.kind == STREAM_PLAIN);
	} else {
		s->replaced++;
		*out_len = t.out_len;
		for (uint32_t i = 0; i < t.out_len; i++)
			out[i] = (uint8_t)mix(s->seed + o->cursor * 1024u + i);
		map_add(s, dir, t.len, out, t.out_len, false);
	}
	maybe_open(s, dir);
	return t.len;
}

/* ---- the plugin */

/* Before core.seqadj: the segment as its sender made it. */
static enum hp_verdict look(struct hp_instance *self, struct hp_packet *p)
{
	struct stream_oracle *o = &current->o[p->dir];
	const struct stream_end *e = &current->e[p->dir];
	const uint8_t *tcp = p->data + p->l4_off;
	uint32_t len = (uint32_t)(p->len - p->l4_off - (tcp[12] >> 4) * 4u);
	uint32_t end = hp_get32(tcp + 4) - e->iss - 1 + len;

	(void)self;
	o->shows_fin = false;
	o->segment = 0;
	if (tcp[13] & 2 || (int32_t)end < 0)
		return HP_NEXT;
	o->shows_fin = tcp[13] & 1;
	o->segment = end;
	if (o->open && len && end > o->seen)
		o->seen = end;
	return HP_NEXT;
}

static void flow_new(struct hp_instance *self, const struct hp_event_info *info)
{
	if (!current || current->flow)
		return;
	current->flow = info->flow;
	current->self = self;
	begin(self, info->flow);
}

static void flow_gone(struct hp_instance *self, const struct hp_event_info *info)
{
	(void)self;
	if (current && current->flow == info->flow)
		current->flow = NULL;
}

void stream_follow_reset(struct stream *s)
{
	current = s;
	s->flow = NULL;
	for (int i = 0; i < 2; i++) {
		struct stream_oracle *o = &s->o[i];

		o->n = o->n_held = 0;
		o->cursor = o->pending = o->seen = o->segment = o->out_len = 0;
		o->open = o->was_open = o->shows_fin = false;
	}
}

static const char *const ahead_of_core[] = { "core.seqadj", NULL };

static const struct hp_hook hooks[] = {
	{ .name = "stream.out", .stage = HP_STAGE_OUT_L7, .match = { .proto = 6 },
	  .before = ahead_of_core, .fn = look },
	{ .name = "stream.in", .stage = HP_STAGE_IN_L7, .match = { .proto = 6 },
	  .before = ahead_of_core, .fn = look },
	{ .name = NULL }
};

static const struct hp_event_sub events[] = {
	{ "stream.new", HP_EVENT_FLOW_NEW, flow_new },
	{ "stream.gone", HP_EVENT_FLOW_GONE, flow_gone },
	{ NULL, 0, NULL }
};

const struct hp_plugin stream_plugin = {
	HP_PLUGIN_HEAD,
	.name = "stream",
	.version = "1",
	.summary = "changes streams as a test says",
	.hooks = hooks,
	.events = events,
};
