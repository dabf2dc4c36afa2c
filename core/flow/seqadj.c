/* SPDX-License-Identifier: MIT
 *
 * Sequence numbers of a changed TCP stream: see seqadj.h.
 */
#include "flow/seqadj.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Modulo 2^32 (RFC 9293, section 3.4): a before b. */
static bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

struct hp_seqadj *hp_seqadj_new(uint32_t hold)
{
	struct hp_seqadj *s = calloc(1, sizeof(*s));

	if (s)
		s->dir[0].hold_max = s->dir[1].hold_max = hold;
	return s;
}

static void forget(struct hp_seqadj_dir *d, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		d->base += d->piece[i].out_len - d->piece[i].len;
		free(d->piece[i].out);
	}
	d->n -= n;
	memmove(d->piece, d->piece + n, d->n * sizeof(*d->piece));
}

void hp_seqadj_free(struct hp_seqadj *s)
{
	if (!s)
		return;
	for (int i = 0; i < 2; i++) {
		forget(&s->dir[i], s->dir[i].n);
		free(s->dir[i].hold);
	}
	free(s);
}

void hp_seqadj_begin(struct hp_seqadj_dir *d, uint32_t seq)
{
	forget(d, d->n);
	d->began = true;
	d->base = 0;
	d->held = 0;
	d->first = d->next = d->una = d->told = seq;
}

/* The first len octets from next on are held no longer. */
static void release(struct hp_seqadj_dir *d, size_t len)
{
	d->held = len < d->held ? d->held - (uint32_t)len : 0;
	if (d->held)
		memmove(d->hold, d->hold + len, d->held);
}

int hp_seqadj_piece(struct hp_seqadj_dir *d, size_t len, const uint8_t *out, size_t out_len)
{
	struct hp_seqadj_piece *p = &d->piece[d->n];

	if (d->n == HP_SEQADJ_PIECES)
		return -ENOBUFS;
	if (!len || out_len > d->hold_max + HP_ALG_GROW)
		return -EMSGSIZE;
	*p = (struct hp_seqadj_piece){ d->next, (uint32_t)len, (uint32_t)out_len,
				       malloc(out_len + 1) };
	if (!p->out)
		return -ENOMEM;
	memcpy(p->out, out, out_len);
	d->n++;
	release(d, len);
	d->next += (uint32_t)len;
	return 0;
}

void hp_seqadj_skip(struct hp_seqadj_dir *d, size_t len)
{
	d->next += (uint32_t)len;
}

/* Room for as much as is there, not for all that may come: most messages are short. */
static int hold_grow(struct hp_seqadj_dir *d, uint32_t want)
{
	uint32_t cap = d->hold_cap ? d->hold_cap : HP_ALG_HOLD;
	uint8_t *more;

	if (d->hold && want <= d->hold_cap)
		return 0;
	while (cap < want)
		cap *= 2;
	more = realloc(d->hold, cap);
	if (!more)
		return -ENOMEM;
	d->hold = more;
	d->hold_cap = cap;
	return 0;
}

int hp_seqadj_hold(struct hp_seqadj_dir *d, const uint8_t *data, size_t len)
{
	if (len > d->hold_max - d->held)
		return -EMSGSIZE;
	if (hold_grow(d, d->held + (uint32_t)len))
		return -ENOMEM;
	memcpy(d->hold + d->held, data, len);
	d->held += (uint32_t)len;
	return 0;
}

/* ---- the map */

/* Where in the rewritten piece its n-th octet is. */
static uint32_t inside(const struct hp_seqadj_piece *p, uint32_t n)
{
	return n >= p->len ? p->out_len : least(n, p->out_len);
}

uint32_t hp_seqadj_map(const struct hp_seqadj_dir *d, uint32_t seq)
{
	uint32_t delta = d->base;

	for (uint32_t i = 0; i < d->n; i++) {
		const struct hp_seqadj_piece *p = &d->piece[i];

		if (!before(p->seq, seq))
			break;
		if (before(seq, p->seq + p->len))
			return p->seq + delta + inside(p, seq - p->seq);
		delta += p->out_len - p->len;
	}
	return seq + delta;
}

uint32_t hp_seqadj_unmap(const struct hp_seqadj_dir *d, uint32_t out)
{
	uint32_t delta = d->base;

	for (uint32_t i = 0; i < d->n; i++) {
		const struct hp_seqadj_piece *p = &d->piece[i];
		uint32_t n = out - (p->seq + delta);

		if (before(out, p->seq + delta))
			break;
		if (n < p->out_len)
			return p->seq + least(n, p->len - 1);
		delta += p->out_len - p->len;
	}
	return out - delta;
}

uint32_t hp_seqadj_unmap_up(const struct hp_seqadj_dir *d, uint32_t out)
{
	uint32_t seq = hp_seqadj_unmap(d, out);

	if (hp_seqadj_map(d, seq) == out) {
		/* A piece that became shorter: its last octets are all at the same place. */
		for (uint32_t i = 0; i < d->n; i++) {
			const struct hp_seqadj_piece *p = &d->piece[i];

			if (seq == p->seq + p->len && p->out_len < p->len)
				return p->seq + p->out_len;
		}
		return seq;
	}
	return seq + 1;
}

/* ---- acknowledgements */

uint32_t hp_seqadj_acked(struct hp_seqadj_dir *d, uint32_t out)
{
	uint32_t seq = hp_seqadj_unmap(d, out), n = 0;

	if (before(d->una, seq) && !before(d->next, seq))
		d->una = seq;
	while (n < d->n && !before(d->una, d->piece[n].seq + d->piece[n].len))
		n++;
	if (n)
		forget(d, n);
	if (d->held && d->una == d->next && !before(seq, d->next)) {
		seq = d->next + d->held;
		if (before(d->told, seq))
			d->told = seq;
	}
	/* What was acknowledged stays so. */
	return before(seq, d->told) && seq == d->una ? d->told : seq;
}

uint32_t hp_seqadj_from(const struct hp_seqadj_dir *d, uint32_t seq)
{
	return before(d->una, seq) && !before(d->told, seq) ? d->una : seq;
}

/* ---- octets */

struct out {
	uint8_t *at;
	size_t len, cap;
};

static int put(struct out *o, const uint8_t *from, size_t n)
{
	if (n > o->cap - o->len)
		return -ENOBUFS;
	memcpy(o->at + o->len, from, n);
	o->len += n;
	return 0;
}

static const struct hp_seqadj_piece *piece_at(const struct hp_seqadj_dir *d, uint32_t seq)
{
	for (uint32_t i = 0; i < d->n; i++)
		if (seq - d->piece[i].seq < d->piece[i].len)
			return &d->piece[i];
	return NULL;
}

/* From seq on: octets until the next piece begins, at most max. */
static uint32_t plain_run(const struct hp_seqadj_dir *d, uint32_t seq, uint32_t max)
{
	for (uint32_t i = 0; i < d->n; i++)
		if (before(seq, d->piece[i].seq) && d->piece[i].seq - seq < max)
			max = d->piece[i].seq - seq;
	return max;
}

int hp_seqadj_copy(const struct hp_seqadj_dir *d, uint32_t from, uint32_t to,
		   const uint8_t *data, uint32_t data_seq, size_t data_len, uint8_t *out,
		   size_t cap)
{
	struct out o = { out, 0, cap };
	uint32_t n;
	int err = 0;

	for (; before(from, to) && !err; from += n) {
		const struct hp_seqadj_piece *p = piece_at(d, from);

		if (p) {
			uint32_t first = inside(p, from - p->seq);

			n = least(p->len - (from - p->seq), to - from);
			err = put(&o, p->out + first, inside(p, from - p->seq + n) - first);
			continue;
		}
		n = plain_run(d, from, to - from);
		if (before(from, data_seq) || from - data_seq + (size_t)n > data_len)
			return -ENODATA;
		err = put(&o, data + (from - data_seq), n);
	}
	return err ? err : (int)o.len;
}
