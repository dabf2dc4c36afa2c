/* SPDX-License-Identifier: MIT
 *
 * Reassembly of fragments: see reassembly.h.
 *
 * The transport part of a datagram is collected at a fixed place of its buffer, with room for
 * one plain IP header in front; options and extension headers are left out, as translation
 * leaves them out anyway.
 */
#include "xlat/reassembly.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/list.h"
#include "wire/ip.h"

#define BODY_AT (HP_PACKET_HEADROOM + HP_IP6_HLEN)
#define RANGES  16 /* unconnected pieces of one datagram */

struct range {
	uint32_t start, end;
};

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
	struct range got[RANGES]; /* ascending, neither touching nor overlapping */
	unsigned int n_got;
	uint32_t total;           /* 0: the last fragment has not come */
	uint8_t ecn;              /* bit per codepoint seen */
	uint8_t proto, ttl, tos;  /* of the first fragment, or so far of any */
};

struct hp_reassembly {
	struct hp_htab tab;
	struct hp_list oldest;
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
	if (hp_htab_init(&r->tab, 0)) {
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

/* Forgets d; its packet is the caller's. */
static struct hp_packet *datagram_end(struct datagram *d)
{
	struct hp_packet *p = d->p;

	hp_timer_cancel(d->r->timers, &d->timer);
	hp_htab_del(&d->r->tab, &d->node);
	hp_list_del(&d->age);
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
	free(r);
}

void hp_reassembly_reconfigure(struct hp_reassembly *r, size_t max_datagrams,
			       uint64_t timeout_ms)
{
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
					     "bad", "timeouts", "evicted" };

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

	if (hp_ip_parse(p->data, p->len, &ip) || ip.has_routing)
		return -EBADMSG;
	at = ip.family == 4 ? ip.hlen : ip.frag_hdr_off + (uint32_t)HP_IP6_FRAGHLEN;
	if (at > ip.total_len)
		return -EBADMSG;
	max = ip.family == 4 ? UINT16_MAX - HP_IP4_HLEN : UINT16_MAX;
	out->body = p->data + at;
	out->start = ip.frag_off;
	out->end = ip.frag_off + (ip.total_len - at);
	out->more = ip.frag_more;
	out->proto = ip.family == 4 ? ip.proto : p->data[ip.frag_hdr_off];
	if (out->end == out->start || out->end > max || (out->more && (out->end & 7)))
		return -EBADMSG;
	return p->cap < BODY_AT + out->end ? -ENOBUFS : 0;
}

static struct datagram *datagram_new(struct hp_reassembly *r, const struct name *name,
				     uint64_t hash)
{
	struct datagram *d;

	while (r->tab.count && r->tab.count >= r->cfg.max_datagrams)
		datagram_drop(HP_CONTAINER(hp_list_first(&r->oldest), struct datagram, age),
			      HP_REASMC_EVICTED);
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->r = r;
	d->name = *name;
	hp_htab_add(&r->tab, &d->node, hash);
	hp_list_add_tail(&r->oldest, &d->age);
	hp_timer_init(&d->timer, timed_out);
	hp_timer_set(r->timers, &d->timer, hp_clock_ms(r->clock) + r->cfg.timeout_ms);
	return d;
}

enum fit { FIT_NEW, FIT_DUPLICATE, FIT_OVERLAP };

static enum fit piece_fit(const struct datagram *d, const struct piece *f)
{
	const uint8_t *body = d->p->buf + BODY_AT;

	for (unsigned int i = 0; i < d->n_got; i++) {
		const struct range *g = &d->got[i];

		if (f->end <= g->start || f->start >= g->end)
			continue;
		if (f->start >= g->start && f->end <= g->end &&
		    !memcmp(body + f->start, f->body, f->end - f->start))
			return FIT_DUPLICATE;
		return FIT_OVERLAP;
	}
	return FIT_NEW;
}

/* Adds [start, end), which overlaps nothing, and joins neighbours.  False: too many. */
static bool range_add(struct datagram *d, uint32_t start, uint32_t end)
{
	unsigned int i = 0;
	bool left, right;

	while (i < d->n_got && d->got[i].start < start)
		i++;
	left = i && d->got[i - 1].end == start;
	right = i < d->n_got && d->got[i].start == end;
	if (left && right) {
		d->got[i - 1].end = d->got[i].end;
		d->n_got--;
		memmove(&d->got[i], &d->got[i + 1], (d->n_got - i) * sizeof(d->got[0]));
	} else if (left) {
		d->got[i - 1].end = end;
	} else if (right) {
		d->got[i].start = start;
	} else {
		if (d->n_got == RANGES)
			return false;
		memmove(&d->got[i + 1], &d->got[i], (d->n_got - i) * sizeof(d->got[0]));
		d->got[i] = (struct range){ start, end };
		d->n_got++;
	}
	return true;
}

/* The end is known once, and nothing lies beyond it. */
static bool total_ok(struct datagram *d, const struct piece *f)
{
	uint32_t high = d->n_got ? d->got[d->n_got - 1].end : 0;

	if (d->total)
		return f->end <= d->total && (f->more || f->end == d->total);
	if (f->more)
		return true;
	d->total = f->end;
	return high <= f->end;
}

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

/* Puts the bytes where they belong; the first packet to come lends its buffer. */
static void piece_store(struct datagram *d, struct hp_packet *p, const struct piece *f)
{
	bool lender = !d->p;

	if (lender)
		d->p = p;
	memmove(d->p->buf + BODY_AT + f->start, f->body, f->end - f->start);
	if (!lender)
		d->r->cfg.put(d->r->cfg.ctx, p);
}

static int refuse(struct datagram *d, enum hp_reassembly_counter why)
{
	datagram_drop(d, why);
	return -EBADMSG;
}

/* Into a datagram of which something has come before. */
static int piece_check(struct datagram *d, const struct piece *f, bool *duplicate)
{
	enum fit fit = d->p ? piece_fit(d, f) : FIT_NEW;

	*duplicate = fit == FIT_DUPLICATE;
	if (fit == FIT_OVERLAP)
		return refuse(d, HP_REASMC_OVERLAPS);
	if (d->p && (!total_ok(d, f) || BODY_AT + f->end > d->p->cap))
		return refuse(d, HP_REASMC_BAD);
	if (!d->p)
		total_ok(d, f);
	if (!*duplicate && !range_add(d, f->start, f->end))
		return refuse(d, HP_REASMC_BAD);
	return 0;
}

static struct name name_of(const struct hp_packet *p)
{
	return (struct name){ .src = p->src, .dst = p->dst, .id = p->frag_id,
			      .family = p->family, .proto = p->family == 4 ? p->proto : 0,
			      .dir = (uint8_t)p->dir };
}

int hp_reassembly_add(struct hp_reassembly *r, struct hp_packet *p, struct hp_packet **whole)
{
	struct name name = name_of(p);
	uint64_t hash = hp_hash(&r->cfg.hash_key, &name, sizeof(name));
	struct hp_hnode *n;
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
	n = hp_htab_find(&r->tab, hash, name_eq, &name);
	d = n ? HP_CONTAINER(n, struct datagram, node) : datagram_new(r, &name, hash);
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
	if (d->total && d->n_got == 1 && !d->got[0].start && d->got[0].end == d->total)
		*whole = datagram_whole(d);
	return 0;
}
