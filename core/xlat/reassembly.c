/* SPDX-License-Identifier: MIT
 *
 * Reassembly of fragments: see reassembly.h.
 *
 * The transport part of a datagram is collected at a fixed place of its buffer, with room for
 * one plain IP header in front; options and extension headers are left out, as translation
 * leaves them out anyway.  A bit for each unit of 8 octets says what has come, so that any number
 * of fragments in any order takes the same room and fragments can be told to overlap.
 */
#include "xlat/reassembly.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/list.h"
#include "util/tally.h"
#include "wire/ip.h"

#define BODY_AT (HP_PACKET_HEADROOM + HP_IP6_HLEN)
#define UNIT    8u /* octets: offsets count in these */
#define UNITS   (65536 / UNIT)
#define WORD    64u

/* What fragments of one datagram have in common. */
struct name {
	struct hp_addr src, dst;
	uint32_t id;
	uint8_t family, proto, dir, zero; /* proto 0 for IPv6 (RFC 8200, 4.5) */
};

struct datagram {
	struct hp_hnode node;
	struct hp_list age;
	struct hp_timer timer;
	struct hp_reassembly *r;
	struct name name;
	struct hp_packet *p;
	uint32_t n_got;           /* units that have come */
	uint32_t high;            /* where the fragment that reaches furthest ends, octets */
	uint32_t total;           /* 0: the last fragment has not come */
	uint8_t ecn;              /* bit per codepoint seen */
	uint8_t proto, ttl, tos;  /* of the first fragment, or so far of any */
	uint64_t got[UNITS / WORD];
};

struct hp_reassembly {
	struct hp_htab tab;
	struct hp_list oldest;
	struct hp_tally of_source;
	struct hp_reassembly_config cfg;
	struct hp_timers *timers;
	const struct hp_clock *clock;
	uint64_t counters[HP_REASMC_MAX];
};

/* One fragment. */
struct piece {
	const uint8_t *body;
	uint32_t start, end;
	uint8_t proto;
	bool more;
};

struct hp_reassembly *hp_reassembly_new(const struct hp_reassembly_config *cfg,
					struct hp_timers *timers, const struct hp_clock *clock)
{
	struct hp_reassembly *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	if (hp_htab_init(&r->tab, 0) || hp_tally_init(&r->of_source)) {
		hp_htab_fini(&r->tab);
		free(r);
		errno = ENOMEM;
		return NULL;
	}
	hp_list_init(&r->oldest);
	r->cfg = *cfg;
	r->timers = timers;
	r->clock = clock;
	return r;
}

static uint64_t source_of(const struct hp_reassembly *r, const struct name *name)
{
	return hp_hash(&r->cfg.hash_key, &name->src, sizeof(name->src));
}

/* Forgets d; its packet is the caller's. */
static struct hp_packet *datagram_end(struct datagram *d)
{
	struct hp_packet *p = d->p;

	hp_timer_cancel(d->r->timers, &d->timer);
	hp_htab_del(&d->r->tab, &d->node);
	hp_list_del(&d->age);
	hp_tally_sub(&d->r->of_source, source_of(d->r, &d->name));
	free(d);
	return p;
}

static void datagram_drop(struct datagram *d, enum hp_reassembly_counter why)
{
	struct hp_reassembly *r = d->r;

	r->counters[why]++;
	r->cfg.put(r->cfg.ctx, datagram_end(d));
}

void hp_reassembly_free(struct hp_reassembly *r)
{
	struct hp_list *n;

	if (!r)
		return;
	while ((n = hp_list_first(&r->oldest)))
		datagram_drop(HP_CONTAINER(n, struct datagram, age), HP_REASMC_EVICTED);
	hp_htab_fini(&r->tab);
	hp_tally_fini(&r->of_source);
	free(r);
}

void hp_reassembly_reconfigure(struct hp_reassembly *r, size_t max_datagrams, size_t share,
			       uint64_t timeout_ms)
{
	r->cfg.share = share;
	r->cfg.max_datagrams = max_datagrams;
	r->cfg.timeout_ms = timeout_ms;
}

size_t hp_reassembly_count(const struct hp_reassembly *r)
{
	return r->tab.count;
}

const uint64_t *hp_reassembly_counters(const struct hp_reassembly *r)
{
	return r->counters;
}

const char *hp_reassembly_counter_name(enum hp_reassembly_counter c)
{
	static const char *const names[] = { "fragments", "whole", "duplicates", "overlaps",
					     "bad", "timeouts", "evicted", "share" };

	return (unsigned int)c < HP_REASMC_MAX ? names[c] : "?";
}

static void timed_out(struct hp_timer *t)
{
	datagram_drop(HP_CONTAINER(t, struct datagram, timer), HP_REASMC_TIMEOUTS);
}

static bool name_eq(const struct hp_hnode *n, const void *key)
{
	return !memcmp(&HP_CONTAINER(n, const struct datagram, node)->name, key,
		       sizeof(struct name));
}

static int piece_read(const struct hp_packet *p, struct piece *out)
{
	struct hp_ip ip;
	uint32_t at, max;

	if (hp_ip_parse(p->data, p->len, &ip))
		return -EBADMSG;
	if (ip.has_routing)
		return -EINVAL;
	at = ip.family == 4 ? ip.hlen : ip.frag_hdr_off + (uint32_t)HP_IP6_FRAGHLEN;
	if (at > ip.total_len)
		return -EBADMSG;
	max = ip.family == 4 ? UINT16_MAX - HP_IP4_HLEN : UINT16_MAX;
	out->body = p->data + at;
	out->start = ip.frag_off;
	out->end = ip.frag_off + (ip.total_len - at);
	out->more = ip.frag_more;
	out->proto = ip.family == 4 ? ip.proto : p->data[ip.frag_hdr_off];
	if (out->end == out->start || out->end > max || (out->more && out->end % UNIT))
		return -EBADMSG;
	return 0;
}

/* The oldest of this source; NULL: it has none. */
static struct datagram *oldest_of(struct hp_reassembly *r, const struct hp_addr *src)
{
	struct hp_list *n;

	HP_LIST_EACH(n, &r->oldest)
	{
		struct datagram *d = HP_CONTAINER(n, struct datagram, age);

		if (hp_addr_eq(&d->name.src, src))
			return d;
	}
	return NULL;
}

static void make_room(struct hp_reassembly *r, const struct name *name)
{
	struct datagram *own = NULL;

	if (r->cfg.share && hp_tally_get(&r->of_source, source_of(r, name)) >= r->cfg.share)
		own = oldest_of(r, &name->src);
	if (own)
		datagram_drop(own, HP_REASMC_SHARE);
	while (r->tab.count && r->tab.count >= r->cfg.max_datagrams)
		datagram_drop(HP_CONTAINER(hp_list_first(&r->oldest), struct datagram, age),
			      HP_REASMC_EVICTED);
}

static struct datagram *datagram_new(struct hp_reassembly *r, const struct name *name,
				     uint64_t hash)
{
	struct datagram *d;

	make_room(r, name);
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->r = r;
	d->name = *name;
	hp_htab_add(&r->tab, &d->node, hash);
	hp_tally_add(&r->of_source, source_of(r, name));
	hp_list_add_tail(&r->oldest, &d->age);
	hp_timer_init(&d->timer, timed_out);
	hp_timer_set(r->timers, &d->timer, hp_clock_ms(r->clock) + r->cfg.timeout_ms);
	return d;
}

/* ---- what has come */

/* Units first .. end - 1 that lie in word w. */
static uint64_t word_mask(uint32_t w, uint32_t first, uint32_t end)
{
	uint32_t from = first > w * WORD ? first - w * WORD : 0;
	uint32_t to = end < (w + 1) * WORD ? end - w * WORD : WORD;
	uint64_t below_to = to == WORD ? ~0ull : (1ull << to) - 1;

	return below_to & ~((1ull << from) - 1);
}

static uint32_t units_of(uint32_t octets)
{
	return (octets + UNIT - 1) / UNIT;
}

/* How many units of f are there already. */
static uint32_t units_there(const struct datagram *d, const struct piece *f)
{
	uint32_t first = f->start / UNIT, end = units_of(f->end), n = 0;

	for (uint32_t w = first / WORD; w * WORD < end; w++)
		n += (uint32_t)__builtin_popcountll(d->got[w] & word_mask(w, first, end));
	return n;
}

static void units_mark(struct datagram *d, const struct piece *f)
{
	uint32_t first = f->start / UNIT, end = units_of(f->end);

	for (uint32_t w = first / WORD; w * WORD < end; w++)
		d->got[w] |= word_mask(w, first, end);
	d->n_got += end - first;
	if (f->end > d->high)
		d->high = f->end;
}

enum fit { FIT_NEW, FIT_DUPLICATE, FIT_OVERLAP };

/* RFC 8200, 4.5: fragments may not overlap; exact duplicates are ignored. */
static enum fit piece_fit(const struct datagram *d, const struct piece *f)
{
	const uint8_t *body = d->p->buf + BODY_AT;
	uint32_t there = units_there(d, f);

	if (!there)
		return FIT_NEW;
	if (there == units_of(f->end) - f->start / UNIT &&
	    !memcmp(body + f->start, f->body, f->end - f->start))
		return FIT_DUPLICATE;
	return FIT_OVERLAP;
}

/* The end is known once, and nothing lies beyond it. */
static bool total_ok(struct datagram *d, const struct piece *f)
{
	if (d->total)
		return f->end <= d->total && (f->more || f->end == d->total);
	if (f->more)
		return true;
	d->total = f->end;
	return d->high <= f->end;
}

static bool is_whole(const struct datagram *d)
{
	return d->total && d->n_got == units_of(d->total);
}

/* ---- the end */

/* RFC 3168, 5.3: one CE makes the whole CE; CE together with not-ECT is an error. */
static bool ecn_join(const struct datagram *d, uint8_t *tos)
{
	if (!(d->ecn & 1u << 3))
		return true;
	*tos |= 3;
	return !(d->ecn & 1u << 0);
}

static struct hp_packet *datagram_whole(struct datagram *d)
{
	struct hp_ip_head h = {
		.src = d->name.src,
		.dst = d->name.dst,
		.payload_len = (uint16_t)d->total,
		.id = (uint16_t)d->name.id,
		.proto = d->proto,
		.ttl = d->ttl,
		.tos = d->tos,
	};
	size_t hlen = d->name.family == 4 ? HP_IP4_HLEN : HP_IP6_HLEN;
	struct hp_reassembly *r = d->r;
	uint32_t id = d->name.id;
	bool ok = ecn_join(d, &h.tos);
	struct hp_packet *p = datagram_end(d);

	p->data = p->buf + BODY_AT - hlen;
	p->len = hlen + h.payload_len;
	hp_ip_build(p->data, &h);
	if (!ok || hp_packet_dissect(p)) {
		r->counters[HP_REASMC_BAD]++;
		r->cfg.put(r->cfg.ctx, p);
		return NULL;
	}
	p->df = false;
	p->frag_id = id;
	p->gso = p->csum_partial = false;
	p->gso_size = 0;
	r->counters[HP_REASMC_WHOLE]++;
	return p;
}

static void note_header(struct datagram *d, const struct hp_packet *p, const struct piece *f)
{
	d->ecn |= (uint8_t)(1u << (p->tos & 3));
	if (f->start && d->proto)
		return;
	d->proto = f->proto;
	d->ttl = p->ttl;
	d->tos = p->tos;
}

/* The first packet to come lends its buffer. */
static int lend(struct datagram *d, struct hp_packet **p, struct piece *f)
{
	const struct hp_reassembly_config *cfg = &d->r->cfg;
	size_t at = (size_t)(f->body - (*p)->data);
	struct hp_packet *big = *p;

	if (big->cap < BODY_AT + (size_t)UINT16_MAX)
		big = cfg->grow ? cfg->grow(cfg->ctx, big) : NULL;
	if (!big)
		return -ENOBUFS;
	*p = d->p = big;
	f->body = big->data + at;
	return 0;
}

/* Puts the bytes where they belong. */
static void piece_store(struct datagram *d, struct hp_packet *p, const struct piece *f)
{
	memmove(d->p->buf + BODY_AT + f->start, f->body, f->end - f->start);
	units_mark(d, f);
	if (p != d->p)
		d->r->cfg.put(d->r->cfg.ctx, p);
}

/* Into a datagram of which something has come before. */
static int piece_check(struct datagram *d, const struct piece *f, bool *duplicate)
{
	enum fit fit = piece_fit(d, f);

	*duplicate = fit == FIT_DUPLICATE;
	if (fit != FIT_OVERLAP && total_ok(d, f))
		return 0;
	datagram_drop(d, fit == FIT_OVERLAP ? HP_REASMC_OVERLAPS : HP_REASMC_BAD);
	return -EBADMSG;
}

static struct name name_of(const struct hp_packet *p)
{
	return (struct name){ .src = p->src, .dst = p->dst, .id = p->frag_id,
			      .family = p->family, .proto = p->family == 4 ? p->proto : 0,
			      .dir = (uint8_t)p->dir };
}

/* The datagram f belongs to, begun with p if f is its first.  NULL: there is no room. */
static struct datagram *datagram_of(struct hp_reassembly *r, struct hp_packet **p, struct piece *f)
{
	struct name name = name_of(*p);
	uint64_t hash = hp_hash(&r->cfg.hash_key, &name, sizeof(name));
	struct hp_hnode *n = hp_htab_find(&r->tab, hash, name_eq, &name);
	struct datagram *d;

	if (n)
		return HP_CONTAINER(n, struct datagram, node);
	d = datagram_new(r, &name, hash);
	if (!d || !lend(d, p, f))
		return d;
	datagram_end(d);
	return NULL;
}

int hp_reassembly_add(struct hp_reassembly *r, struct hp_packet *p, struct hp_packet **whole)
{
	struct datagram *d;
	struct piece f;
	bool duplicate;
	int err;

	*whole = NULL;
	if (!p->frag_off && !p->frag_more) {
		*whole = p;
		return 0;
	}
	r->counters[HP_REASMC_FRAGMENTS]++;
	err = piece_read(p, &f);
	if (err) {
		r->counters[HP_REASMC_BAD]++;
		return err;
	}
	d = datagram_of(r, &p, &f);
	if (!d)
		return -ENOBUFS;
	err = piece_check(d, &f, &duplicate);
	if (err)
		return err;
	if (duplicate) {
		r->counters[HP_REASMC_DUPLICATES]++;
		r->cfg.put(r->cfg.ctx, p);
		return 0;
	}
	note_header(d, p, &f);
	piece_store(d, p, &f);
	if (is_whole(d))
		*whole = datagram_whole(d);
	return 0;
}
