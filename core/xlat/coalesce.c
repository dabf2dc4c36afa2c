/* SPDX-License-Identifier: MIT
 *
 * Joining TCP segments and UDP datagrams: see coalesce.h.
 */
#include "xlat/coalesce.h"

#include <string.h>

#include "wire/checksum.h"
#include "wire/ip.h"
#include "wire/tcp.h"
#include "wire/udp.h"
#include "xlat/xlat.h"

/* A packet as the rules look at it. */
struct view {
	const uint8_t *l4;
	uint32_t hash, seq;
	uint16_t hlen;
	uint16_t payload;
	uint8_t proto;
	bool joinable; /* may be part of a super-packet at all */
};

void hp_coalesce_init(struct hp_coalesce *c, void (*emit)(void *ctx, struct hp_packet *p),
		      void (*put)(void *ctx, struct hp_packet *p), void *ctx)
{
	*c = (struct hp_coalesce){ .emit = emit, .put = put, .ctx = ctx };
}

/* ---- looking */

static uint32_t hash_of(const struct hp_packet *p)
{
	return hp_get32(p->src.b + 12) ^ hp_get32(p->dst.b + 12) * 31 ^
	       ((uint32_t)p->sport << 16 | p->dport) ^ (uint32_t)p->proto << 8;
}

static size_t ip_hlen(const struct hp_packet *p)
{
	return p->family == 4 ? HP_IP4_HLEN : HP_IP6_HLEN;
}

/* False: not even a whole header. */
static bool look_tcp(struct view *v, size_t len)
{
	if (len < HP_TCP_HLEN)
		return false;
	v->seq = hp_get32(v->l4 + HP_TCP_OFF_SEQ);
	v->hlen = (uint16_t)((v->l4[HP_TCP_OFF_DOFF] >> 4) * 4);
	v->joinable = v->hlen >= HP_TCP_HLEN && len > v->hlen && len <= UINT16_MAX &&
		      (v->l4[HP_TCP_OFF_FLAGS] & ~(HP_TCP_PSH | HP_TCP_ECE)) == HP_TCP_ACK;
	v->payload = v->joinable ? (uint16_t)(len - v->hlen) : 0;
	return true;
}

/* A datagram without a checksum vouches for nothing: it stays alone. */
static bool look_udp(struct view *v, size_t len)
{
	if (len < HP_UDP_HLEN)
		return false;
	v->hlen = HP_UDP_HLEN;
	v->joinable = len > HP_UDP_HLEN && len == hp_get16(v->l4 + HP_UDP_OFF_LEN) &&
		      hp_get16(v->l4 + HP_UDP_OFF_CSUM);
	v->payload = v->joinable ? (uint16_t)(len - HP_UDP_HLEN) : 0;
	return true;
}

static bool look_l4(const struct hp_coalesce *c, struct view *v, size_t len)
{
	if (v->proto == HP_PROTO_TCP)
		return look_tcp(v, len);
	return v->proto == HP_PROTO_UDP && c->udp && look_udp(v, len);
}

/* False if p is no segment or datagram with ports that could belong to a slot. */
static bool look(const struct hp_coalesce *c, const struct hp_packet *p, struct view *v)
{
	if (p->frag_off || p->frag_more || p->len < p->l4_off)
		return false;
	*v = (struct view){ .l4 = p->data + p->l4_off, .proto = p->proto };
	if (!look_l4(c, v, p->len - p->l4_off))
		return false;
	v->hash = hash_of(p);
	/* What may be fragmented stays alone: a super-packet is not fragmented. */
	if (p->gso || p->gso_size || !p->df || p->l4_off != ip_hlen(p))
		v->joinable = false;
	return true;
}

/* ---- leaving */

/* Lengths, partial checksum and gso_size of what was joined. */
static void finish(struct hp_packet *p, uint16_t gso)
{
	uint8_t *l4 = p->data + p->l4_off;
	uint32_t l4_len = (uint32_t)(p->len - p->l4_off);

	if (p->family == 4) {
		hp_put16(p->data + 2, (uint16_t)p->len);
		hp_ip4_csum_set(p->data, HP_IP4_HLEN);
	} else {
		hp_put16(p->data + 4, (uint16_t)l4_len);
	}
	if (p->proto == HP_PROTO_UDP)
		hp_put16(l4 + HP_UDP_OFF_LEN, (uint16_t)l4_len);
	hp_put16(l4 + hp_proto_csum_off(p->proto),
		 hp_csum_fold(hp_csum_pseudo(&p->src, &p->dst, p->proto, l4_len)));
	p->csum_partial = true;
	p->gso_size = gso;
}

static void emit(struct hp_coalesce *c, struct hp_packet *p)
{
	c->emitted++;
	c->emit(c->ctx, p);
}

static struct hp_packet *slot_empty(struct hp_coalesce *c, struct hp_coalesce_slot *s)
{
	struct hp_packet *p = s->p;

	s->p = NULL;
	c->used--;
	if (c->latest == s)
		c->latest = NULL;
	return p;
}

static void slot_close(struct hp_coalesce *c, struct hp_coalesce_slot *s)
{
	struct hp_packet *p = slot_empty(c, s);

	if (s->segments > 1)
		finish(p, s->gso);
	emit(c, p);
}

/* ---- slots */

static struct hp_coalesce_slot *slot_find(struct hp_coalesce *c, const struct hp_packet *p,
					  const struct view *v)
{
	if (!c->used)
		return NULL;
	for (unsigned int i = 0; i < HP_COALESCE_SLOTS; i++) {
		struct hp_coalesce_slot *s = &c->slots[i];

		if (s->p && s->hash == v->hash && s->p->sport == p->sport &&
		    s->p->dport == p->dport && s->p->family == p->family &&
		    s->p->proto == p->proto && hp_addr_eq(&s->p->src, &p->src) &&
		    hp_addr_eq(&s->p->dst, &p->dst))
			return s;
	}
	return NULL;
}

static void slot_open(struct hp_coalesce *c, struct hp_packet *p, const struct view *v)
{
	struct hp_coalesce_slot *s = NULL;

	if (c->used == HP_COALESCE_SLOTS) {
		s = &c->slots[c->victim];
		c->victim = (c->victim + 1) % HP_COALESCE_SLOTS;
		slot_close(c, s);
	}
	for (unsigned int i = 0; !s; i++)
		if (!c->slots[i].p)
			s = &c->slots[i];
	*s = (struct hp_coalesce_slot){
		.p = p,
		.next_seq = v->seq + v->payload,
		.hash = v->hash,
		.hlen = v->hlen,
		.gso = v->payload,
		.segments = 1,
	};
	c->used++;
	c->latest = s;
}

/* ---- does it continue what a slot has? */

/* All header fields but sequence number, PSH, checksum, lengths and identification. */
static bool same_tcp(const uint8_t *a, const struct view *v)
{
	const uint8_t *b = v->l4;
	uint8_t flags = (uint8_t)(a[HP_TCP_OFF_FLAGS] ^ b[HP_TCP_OFF_FLAGS]);

	return !(flags & ~HP_TCP_PSH) && !memcmp(a + HP_TCP_OFF_ACK, b + HP_TCP_OFF_ACK, 5) &&
	       !memcmp(a + HP_TCP_OFF_WIN, b + HP_TCP_OFF_WIN, 2) &&
	       !memcmp(a + HP_TCP_HLEN, b + HP_TCP_HLEN, v->hlen - HP_TCP_HLEN);
}

static bool continues(const struct hp_coalesce_slot *s, const struct view *v)
{
	const struct hp_packet *head = s->p;

	if (!v->joinable || v->hlen != s->hlen || v->payload > s->gso || v->proto != head->proto ||
	    head->len + v->payload > UINT16_MAX)
		return false;
	if (v->proto == HP_PROTO_UDP)
		return s->segments < HP_COALESCE_DATAGRAMS;
	return v->seq == s->next_seq && same_tcp(head->data + head->l4_off, v);
}

static bool has_room(const struct hp_packet *h, size_t len)
{
	return len <= h->cap - (size_t)(h->data - h->buf);
}

/* Received packets stand in small buffers: the first of several moves to a big one. */
static bool make_room(struct hp_coalesce *c, struct hp_coalesce_slot *s, size_t len)
{
	struct hp_packet *big;

	if (has_room(s->p, len))
		return true;
	big = c->grow ? c->grow(c->ctx, s->p) : NULL;
	if (!big)
		return false;
	s->p = big;
	return has_room(big, len);
}

static bool fits(struct hp_coalesce *c, struct hp_coalesce_slot *s, const struct hp_packet *p,
		 const struct view *v)
{
	return continues(s, v) && s->p->tos == p->tos && s->p->ttl == p->ttl &&
	       make_room(c, s, s->p->len + v->payload);
}

/* Only right segments are joined: the super-packet's checksum vouches for all of them. */
static bool head_sound(struct hp_coalesce_slot *s)
{
	if (!s->verified && hp_packet_checksum_ok(s->p))
		s->verified = true;
	return s->verified;
}

static bool sound(struct hp_coalesce *c, struct hp_coalesce_slot *s, const struct hp_packet *p)
{
	if (head_sound(s) && hp_packet_checksum_ok(p))
		return true;
	c->bad_checksum++;
	return false;
}

/* The payload stands behind the others: it is one of them now. */
static void grown(struct hp_coalesce *c, struct hp_coalesce_slot *s, uint8_t flags,
		  uint16_t payload)
{
	struct hp_packet *h = s->p;
	bool last = payload < s->gso;

	if (h->proto == HP_PROTO_TCP) {
		h->data[h->l4_off + HP_TCP_OFF_FLAGS] |= flags & HP_TCP_PSH;
		last = last || flags & HP_TCP_PSH;
	}
	h->len += payload;
	s->next_seq += payload;
	s->segments++;
	c->joined++;
	c->latest = s;
	if (last)
		slot_close(c, s);
}

static uint8_t flags_of(const struct view *v)
{
	return v->proto == HP_PROTO_TCP ? v->l4[HP_TCP_OFF_FLAGS] : 0;
}

static void join(struct hp_coalesce *c, struct hp_coalesce_slot *s, struct hp_packet *p,
		 const struct view *v)
{
	uint8_t flags = flags_of(v);

	memcpy(s->p->data + s->p->len, v->l4 + v->hlen, v->payload);
	c->put(c->ctx, p);
	grown(c, s, flags, v->payload);
}

void hp_coalesce_add(struct hp_coalesce *c, struct hp_packet *p)
{
	struct hp_coalesce_slot *s;
	struct view v;

	if (!look(c, p, &v)) {
		emit(c, p);
		return;
	}
	s = slot_find(c, p, &v);
	if (s && fits(c, s, p, &v) && sound(c, s, p)) {
		join(c, s, p, &v);
		return;
	}
	if (s)
		slot_close(c, s);
	if (v.joinable && !(flags_of(&v) & HP_TCP_PSH))
		slot_open(c, p, &v);
	else
		emit(c, p);
}

/* Slots by age do not matter: each is a flow of its own. */
void hp_coalesce_flush(struct hp_coalesce *c)
{
	for (unsigned int i = 0; c->used && i < HP_COALESCE_SLOTS; i++)
		if (c->slots[i].p)
			slot_close(c, &c->slots[i]);
}

/* ---- written straight to its place */

static uint8_t *spot_of(const struct hp_coalesce_slot *s)
{
	return s->p->data + s->p->len - s->hlen;
}

/* The spot must lie in payload: the header there is compared with the next one. */
static bool clear_of_header(const struct hp_coalesce_slot *s)
{
	return s->p->len >= s->p->l4_off + 2u * s->hlen;
}

uint8_t *hp_coalesce_spot(struct hp_coalesce *c, const struct hp_coalesce_next *next, size_t len)
{
	struct hp_coalesce_slot *s = c->latest;

	if (!s || s->p->tos != next->tos || s->p->ttl != next->ttl ||
	    !hp_addr_eq(&s->p->src, next->src) || !hp_addr_eq(&s->p->dst, next->dst) ||
	    !clear_of_header(s) || !head_sound(s) || !make_room(c, s, s->p->len + len))
		return NULL;
	memcpy(c->kept, spot_of(s), s->hlen);
	c->at_spot = true;
	return spot_of(s);
}

/* Is the transport checksum of what stands at the spot right? */
static bool spot_sound(struct hp_coalesce_slot *s, const struct view *v, size_t len)
{
	return !hp_csum_l4(&s->p->src, &s->p->dst, v->proto, v->l4, len);
}

static bool same_ports(const struct hp_packet *head, const struct view *v)
{
	return hp_get16(v->l4) == head->sport && hp_get16(v->l4 + 2) == head->dport;
}

bool hp_coalesce_join(struct hp_coalesce *c, uint8_t proto, size_t len)
{
	struct hp_coalesce_slot *s = c->latest;
	struct view v = { .l4 = spot_of(s), .proto = proto };
	uint8_t flags;

	if (!look_l4(c, &v, len) || !same_ports(s->p, &v) || !continues(s, &v))
		return false;
	if (!spot_sound(s, &v, len)) {
		c->bad_checksum++;
		return false;
	}
	flags = flags_of(&v);
	hp_coalesce_leave(c);
	grown(c, s, flags, v.payload);
	return true;
}

void hp_coalesce_leave(struct hp_coalesce *c)
{
	struct hp_coalesce_slot *s = c->latest;

	if (c->at_spot)
		memcpy(spot_of(s), c->kept, s->hlen);
	c->at_spot = false;
}

uint64_t hp_coalesce_purge(struct hp_coalesce *c,
			   bool (*gone)(const struct hp_packet *p, const void *arg),
			   const void *arg)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < HP_COALESCE_SLOTS; i++) {
		struct hp_coalesce_slot *s = &c->slots[i];

		if (!s->p || !gone(s->p, arg))
			continue;
		n += s->segments;
		c->put(c->ctx, slot_empty(c, s));
	}
	return n;
}
