/* SPDX-License-Identifier: MIT
 *
 * Joining TCP segments: see coalesce.h.
 */
#include "xlat/coalesce.h"

#include <string.h>

#include "wire/checksum.h"
#include "wire/ip.h"
#include "wire/tcp.h"
#include "xlat/xlat.h"

/* A packet as the rules look at it. */
struct view {
	const uint8_t *tcp;
	uint32_t hash, seq;
	uint16_t hlen;
	uint16_t payload;
	bool joinable; /* may be part of a super-packet at all */
};

void hp_coalesce_init(struct hp_coalesce *c, void (*emit)(void *ctx, struct hp_packet *p),
		      void (*put)(void *ctx, struct hp_packet *p), void *ctx)
{
	*c = (struct hp_coalesce){ .emit = emit, .put = put, .ctx = ctx };
}

static uint32_t hash_of(const struct hp_packet *p)
{
	return hp_get32(p->src.b + 12) ^ hp_get32(p->dst.b + 12) * 31 ^
	       ((uint32_t)p->sport << 16 | p->dport);
}

static size_t ip_hlen(const struct hp_packet *p)
{
	return p->family == 4 ? HP_IP4_HLEN : HP_IP6_HLEN;
}

/* False if p is no TCP segment with ports that could belong to a slot. */
static bool look(const struct hp_packet *p, struct view *v)
{
	size_t l4_len = p->len - p->l4_off;

	if (p->proto != HP_PROTO_TCP || p->frag_off || p->frag_more ||
	    p->len < p->l4_off + (size_t)HP_TCP_HLEN)
		return false;
	v->tcp = p->data + p->l4_off;
	v->hash = hash_of(p);
	v->seq = hp_get32(v->tcp + HP_TCP_OFF_SEQ);
	v->hlen = (uint16_t)((v->tcp[HP_TCP_OFF_DOFF] >> 4) * 4);
	v->joinable = !p->gso && !p->gso_size && v->hlen >= HP_TCP_HLEN && l4_len > v->hlen &&
		      p->l4_off == ip_hlen(p) &&
		      (v->tcp[HP_TCP_OFF_FLAGS] & ~(HP_TCP_PSH | HP_TCP_ECE)) == HP_TCP_ACK;
	v->payload = v->joinable ? (uint16_t)(l4_len - v->hlen) : 0;
	return true;
}

/* Lengths, partial checksum and gso_size of what was joined. */
static void finish(struct hp_packet *p, uint16_t gso)
{
	uint8_t *tcp = p->data + p->l4_off;
	uint32_t l4_len = (uint32_t)(p->len - p->l4_off);

	if (p->family == 4) {
		hp_put16(p->data + 2, (uint16_t)p->len);
		hp_ip4_csum_set(p->data, HP_IP4_HLEN);
	} else {
		hp_put16(p->data + 4, (uint16_t)l4_len);
	}
	hp_put16(tcp + HP_TCP_OFF_CSUM,
		 hp_csum_fold(hp_csum_pseudo(&p->src, &p->dst, HP_PROTO_TCP, l4_len)));
	p->csum_partial = true;
	p->gso_size = gso;
}

static void emit(struct hp_coalesce *c, struct hp_packet *p)
{
	c->emitted++;
	c->emit(c->ctx, p);
}

static void slot_close(struct hp_coalesce *c, struct hp_coalesce_slot *s)
{
	struct hp_packet *p = s->p;

	if (s->segments > 1)
		finish(p, s->gso);
	s->p = NULL;
	c->used--;
	emit(c, p);
}

static struct hp_coalesce_slot *slot_find(struct hp_coalesce *c, const struct hp_packet *p,
					  const struct view *v)
{
	if (!c->used)
		return NULL;
	for (unsigned int i = 0; i < HP_COALESCE_SLOTS; i++) {
		struct hp_coalesce_slot *s = &c->slots[i];

		if (s->p && s->hash == v->hash && s->p->sport == p->sport &&
		    s->p->dport == p->dport && s->p->family == p->family &&
		    hp_addr_eq(&s->p->src, &p->src) && hp_addr_eq(&s->p->dst, &p->dst))
			return s;
	}
	return NULL;
}

static void slot_open(struct hp_coalesce *c, struct hp_packet *p, const struct view *v)
{
	struct hp_coalesce_slot *s = NULL;

	if (c->used == HP_COALESCE_SLOTS) {
		slot_close(c, &c->slots[c->victim]);
		s = &c->slots[c->victim];
		c->victim = (c->victim + 1) % HP_COALESCE_SLOTS;
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
}

/* All header fields but sequence number, PSH, checksum, lengths and identification. */
static bool same_headers(const struct hp_packet *head, const struct hp_packet *p,
			 const struct view *v)
{
	const uint8_t *a = head->data + head->l4_off, *b = v->tcp;
	uint8_t flags = (uint8_t)(a[HP_TCP_OFF_FLAGS] ^ b[HP_TCP_OFF_FLAGS]);

	/* A short last segment may lack DF (RFC 7915, 5.1); joined, it gets it. */
	return head->tos == p->tos && head->ttl == p->ttl && (head->df || !p->df) &&
	       !(flags & ~HP_TCP_PSH) && !memcmp(a + HP_TCP_OFF_ACK, b + HP_TCP_OFF_ACK, 5) &&
	       !memcmp(a + HP_TCP_OFF_WIN, b + HP_TCP_OFF_WIN, 2) &&
	       !memcmp(a + HP_TCP_HLEN, b + HP_TCP_HLEN, v->hlen - HP_TCP_HLEN);
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
	size_t len = s->p->len + v->payload;

	return v->joinable && v->seq == s->next_seq && v->hlen == s->hlen &&
	       v->payload <= s->gso && len <= UINT16_MAX && same_headers(s->p, p, v) &&
	       make_room(c, s, len);
}

/* Only right segments are joined: the super-packet's checksum vouches for all of them. */
static bool sound(struct hp_coalesce *c, struct hp_coalesce_slot *s, const struct hp_packet *p)
{
	if (!s->verified && hp_packet_checksum_ok(s->p))
		s->verified = true;
	if (s->verified && hp_packet_checksum_ok(p))
		return true;
	c->bad_checksum++;
	return false;
}

static void join(struct hp_coalesce *c, struct hp_coalesce_slot *s, struct hp_packet *p,
		 const struct view *v)
{
	struct hp_packet *h = s->p;
	bool last = v->tcp[HP_TCP_OFF_FLAGS] & HP_TCP_PSH || v->payload < s->gso;

	memcpy(h->data + h->len, v->tcp + v->hlen, v->payload);
	h->len += v->payload;
	h->data[h->l4_off + HP_TCP_OFF_FLAGS] |= v->tcp[HP_TCP_OFF_FLAGS] & HP_TCP_PSH;
	s->next_seq += v->payload;
	s->segments++;
	c->joined++;
	c->put(c->ctx, p);
	if (last)
		slot_close(c, s);
}

void hp_coalesce_add(struct hp_coalesce *c, struct hp_packet *p)
{
	struct hp_coalesce_slot *s;
	struct view v;

	if (!look(p, &v)) {
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
	if (v.joinable && !(v.tcp[HP_TCP_OFF_FLAGS] & HP_TCP_PSH))
		slot_open(c, p, &v);
	else
		emit(c, p);
}

void hp_coalesce_flush(struct hp_coalesce *c)
{
	for (unsigned int i = 0; c->used && i < HP_COALESCE_SLOTS; i++)
		if (c->slots[i].p)
			slot_close(c, &c->slots[i]);
}
