/* SPDX-License-Identifier: MIT
 *
 * Reading and writing big-endian bytes with a cursor whose error sticks.
 *
 * Past the first octet that is missing (or has no room) every call does nothing, readers
 * give 0 or NULL, and hp_rd_done / hp_wr_done say -EBADMSG / -EMSGSIZE.  Check once, at the
 * end.
 */
#ifndef HIPPROXY_WIRE_H
#define HIPPROXY_WIRE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <hipproxy/addr.h>

static inline uint16_t hp_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t hp_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t hp_get64(const uint8_t *p)
{
	return (uint64_t)hp_get32(p) << 32 | hp_get32(p + 4);
}

static inline void hp_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void hp_put32(uint8_t *p, uint32_t v)
{
	hp_put16(p, (uint16_t)(v >> 16));
	hp_put16(p + 2, (uint16_t)v);
}

static inline void hp_put64(uint8_t *p, uint64_t v)
{
	hp_put32(p, (uint32_t)(v >> 32));
	hp_put32(p + 4, (uint32_t)v);
}

/* ---- reading */

struct hp_rd {
	const uint8_t *p, *end;
	bool bad;
};

/* p may be NULL if len is 0; C does not allow to add even 0 to it. */
static inline struct hp_rd hp_rd_init(const void *p, size_t len)
{
	struct hp_rd r = { p, len ? (const uint8_t *)p + len : p, false };

	return r;
}

/* Octets not yet read; 0 after an error. */
static inline size_t hp_rd_left(const struct hp_rd *r)
{
	return r->bad ? 0 : (size_t)(r->end - r->p);
}

/* The next n octets, in place; NULL if fewer are left.  (n 0: never dereference.) */
static inline const uint8_t *hp_rd_bytes(struct hp_rd *r, size_t n)
{
	const uint8_t *at = r->p;

	if (r->bad || n > (size_t)(r->end - r->p)) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	return at;
}

static inline void hp_rd_skip(struct hp_rd *r, size_t n)
{
	hp_rd_bytes(r, n);
}

static inline uint8_t hp_rd_u8(struct hp_rd *r)
{
	const uint8_t *p = hp_rd_bytes(r, 1);

	return p ? *p : 0;
}

static inline uint16_t hp_rd_u16(struct hp_rd *r)
{
	const uint8_t *p = hp_rd_bytes(r, 2);

	return p ? hp_get16(p) : 0;
}

static inline uint32_t hp_rd_u24(struct hp_rd *r)
{
	const uint8_t *p = hp_rd_bytes(r, 3);

	return p ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2] : 0;
}

static inline uint32_t hp_rd_u32(struct hp_rd *r)
{
	const uint8_t *p = hp_rd_bytes(r, 4);

	return p ? hp_get32(p) : 0;
}

static inline uint64_t hp_rd_u64(struct hp_rd *r)
{
	const uint8_t *p = hp_rd_bytes(r, 8);

	return p ? hp_get64(p) : 0;
}

static inline void hp_rd_copy(struct hp_rd *r, void *to, size_t n)
{
	const uint8_t *p = hp_rd_bytes(r, n);

	if (p && n)
		memcpy(to, p, n);
}

/* 16 octets; zero after an error. */
static inline struct hp_addr hp_rd_addr(struct hp_rd *r)
{
	struct hp_addr a = { { 0 } };

	hp_rd_copy(r, a.b, 16);
	return a;
}

/* 0, or -EBADMSG if anything was missing.  Octets may be left over. */
static inline int hp_rd_done(const struct hp_rd *r)
{
	return r->bad ? -EBADMSG : 0;
}

/* 0, or -EBADMSG if anything was missing or is left over. */
static inline int hp_rd_end(const struct hp_rd *r)
{
	return r->bad || r->p != r->end ? -EBADMSG : 0;
}

/* ---- writing */

struct hp_wr {
	uint8_t *start, *p, *end;
	bool bad;
};

static inline struct hp_wr hp_wr_init(void *p, size_t cap)
{
	struct hp_wr w = { p, p, (uint8_t *)p + cap, false };

	return w;
}

/* Octets written so far. */
static inline size_t hp_wr_len(const struct hp_wr *w)
{
	return (size_t)(w->p - w->start);
}

/* Room for n octets, not initialised; NULL if there is none. */
static inline uint8_t *hp_wr_room(struct hp_wr *w, size_t n)
{
	uint8_t *at = w->p;

	if (w->bad || n > (size_t)(w->end - w->p)) {
		w->bad = true;
		return NULL;
	}
	w->p += n;
	return at;
}

static inline void hp_wr_bytes(struct hp_wr *w, const void *from, size_t n)
{
	uint8_t *p = hp_wr_room(w, n);

	if (p && n)
		memcpy(p, from, n);
}

static inline void hp_wr_zero(struct hp_wr *w, size_t n)
{
	uint8_t *p = hp_wr_room(w, n);

	if (p && n)
		memset(p, 0, n);
}

static inline void hp_wr_u8(struct hp_wr *w, uint8_t v)
{
	hp_wr_bytes(w, &v, 1);
}

static inline void hp_wr_u16(struct hp_wr *w, uint16_t v)
{
	uint8_t *p = hp_wr_room(w, 2);

	if (p)
		hp_put16(p, v);
}

static inline void hp_wr_u24(struct hp_wr *w, uint32_t v)
{
	uint8_t *p = hp_wr_room(w, 3);

	if (p) {
		p[0] = (uint8_t)(v >> 16);
		hp_put16(p + 1, (uint16_t)v);
	}
}

static inline void hp_wr_u32(struct hp_wr *w, uint32_t v)
{
	uint8_t *p = hp_wr_room(w, 4);

	if (p)
		hp_put32(p, v);
}

static inline void hp_wr_u64(struct hp_wr *w, uint64_t v)
{
	uint8_t *p = hp_wr_room(w, 8);

	if (p)
		hp_put64(p, v);
}

/* 0, or -EMSGSIZE if anything had no room. */
static inline int hp_wr_done(const struct hp_wr *w)
{
	return w->bad ? -EMSGSIZE : 0;
}

#endif
