/* SPDX-License-Identifier: MIT
 *
 * HIP messages, from bytes to structs (RFC 7401, section 5).
 */
#include "wire/hip.h"

#include "wire/checksum.h"
#include "wire/ip.h"

static const char *const bad_names[HP_HIP_BADS] = {
	[HP_HIP_OK] = "ok",
	[HP_HIP_BAD_SHORT] = "truncated",
	[HP_HIP_BAD_LENGTH] = "bad_length",
	[HP_HIP_BAD_VERSION] = "bad_version",
	[HP_HIP_BAD_FIXED] = "bad_fixed_bits",
	[HP_HIP_BAD_TLV] = "bad_parameter",
	[HP_HIP_BAD_ORDER] = "bad_parameter_order",
	[HP_HIP_BAD_REPEAT] = "repeated_parameter",
	[HP_HIP_BAD_SIZE] = "bad_parameter_length",
	[HP_HIP_BAD_MANY] = "too_many_parameters",
	[HP_HIP_BAD_CRITICAL] = "unknown_critical_parameter",
};

const char *hp_hip_bad_name(enum hp_hip_bad why)
{
	return why < HP_HIP_BADS ? bad_names[why] : "?";
}

static int bad(struct hp_hip_list *l, enum hp_hip_bad why, uint16_t type)
{
	l->why = why;
	l->bad_type = type;
	return -EBADMSG;
}

/* Is this parameter, after the one before it, what section 5.2.1 and the table permit? */
static int check_param(struct hp_hip_list *l, const struct hp_hip_tlv *t)
{
	const struct hp_param_row *row = hp_param_row(t->type);
	const struct hp_hip_tlv *before = l->n ? &l->tlv[l->n - 1] : NULL;

	if (before && t->type < before->type)
		return bad(l, HP_HIP_BAD_ORDER, t->type);
	if (!row) {
		/* The first one is the one to report; the walk goes on to the end. */
		if (t->type & 1 && l->why == HP_HIP_OK)
			bad(l, HP_HIP_BAD_CRITICAL, t->type);
		return 0;
	}
	if (before && t->type == before->type && !(row->flags & HP_PARAM_REPEATS))
		return bad(l, HP_HIP_BAD_REPEAT, t->type);
	if (t->len < row->min || t->len > row->max || (t->len - row->min) % row->unit)
		return bad(l, HP_HIP_BAD_SIZE, t->type);
	return 0;
}

static int parse_params(const uint8_t *base, struct hp_rd *r, struct hp_hip_list *l)
{
	l->n = 0;
	l->why = HP_HIP_OK;
	l->bad_type = 0;
	while (hp_rd_left(r)) {
		struct hp_hip_tlv *t = &l->tlv[l->n];
		struct hp_hip_tlv at;
		int ret;

		at.type = hp_rd_u16(r);
		at.len = hp_rd_u16(r);
		at.off = (uint16_t)(r->p - base);
		at.data = hp_rd_bytes(r, at.len);
		hp_rd_skip(r, hp_param_space(at.len) - 4 - at.len);
		if (hp_rd_done(r))
			return bad(l, HP_HIP_BAD_TLV, at.type);
		if (l->n == HP_HIP_PARAMS)
			return bad(l, HP_HIP_BAD_MANY, at.type);
		ret = check_param(l, &at);
		if (ret)
			return ret;
		*t = at;
		l->n++;
	}
	return l->why == HP_HIP_BAD_CRITICAL ? -EOPNOTSUPP : 0;
}

int hp_hip_parse_list(const uint8_t *p, size_t len, struct hp_hip_list *out)
{
	struct hp_rd r = hp_rd_init(p, len);

	if (len > HP_HIP_MAX) {
		out->n = 0;
		return bad(out, HP_HIP_BAD_LENGTH, 0);
	}
	return parse_params(p, &r, out);
}

int hp_hip_parse(const uint8_t *p, size_t len, struct hp_hip_msg *m)
{
	struct hp_rd r = hp_rd_init(p, len);
	uint8_t next, hlen, version;

	m->raw = p;
	m->params.n = 0;
	next = hp_rd_u8(&r);
	hlen = hp_rd_u8(&r);
	m->type = hp_rd_u8(&r);
	version = hp_rd_u8(&r);
	m->csum = hp_rd_u16(&r);
	m->controls = hp_rd_u16(&r);
	m->src_hit = hp_rd_addr(&r);
	m->dst_hit = hp_rd_addr(&r);
	m->len = ((size_t)hlen + 1) * 8;
	if (hp_rd_done(&r))
		return bad(&m->params, HP_HIP_BAD_SHORT, 0);
	if (version >> 4 != 2) {
		bad(&m->params, HP_HIP_BAD_VERSION, 0);
		return -EPROTONOSUPPORT;
	}
	/* Section 5.1: the reserved bits are ignored, the two fixed ones are not. */
	if (m->type & 0x80 || !(version & 1))
		return bad(&m->params, HP_HIP_BAD_FIXED, 0);
	/* Section 5.1: data may trail when another next header announces it. */
	if (m->len < HP_HIP_HLEN || m->len > len || (next == HP_PROTO_NONE && m->len != len))
		return bad(&m->params, HP_HIP_BAD_LENGTH, 0);
	r.end = p + m->len;
	return parse_params(p, &r, &m->params);
}

const struct hp_hip_tlv *hp_hip_list_find(const struct hp_hip_list *l, uint16_t type,
					  unsigned nth)
{
	for (unsigned i = 0; i < l->n; i++)
		if (l->tlv[i].type == type && !nth--)
			return &l->tlv[i];
	return NULL;
}

/* ---- checksum */

static uint64_t sum_with(const uint8_t *msg, size_t len, const struct hp_addr *src,
			 const struct hp_addr *dst)
{
	uint64_t sum = hp_csum_pseudo(src, dst, HP_PROTO_HIP, (uint32_t)len);

	return hp_csum_add(sum, msg, len);
}

uint16_t hp_hip_checksum(const uint8_t *msg, size_t len, const struct hp_addr *src,
			 const struct hp_addr *dst)
{
	uint16_t was = hp_get16(msg + HP_HIP_OFF_CSUM);

	/* Taking the field out again: adding its complement. */
	return hp_csum_finish(hp_csum_add16(sum_with(msg, len, src, dst), (uint16_t)~was));
}

void hp_hip_checksum_set(uint8_t *msg, size_t len, const struct hp_addr *src,
			 const struct hp_addr *dst)
{
	hp_put16(msg + HP_HIP_OFF_CSUM, 0);
	hp_put16(msg + HP_HIP_OFF_CSUM, hp_csum_finish(sum_with(msg, len, src, dst)));
}

bool hp_hip_checksum_ok(const uint8_t *msg, size_t len, const struct hp_addr *src,
			const struct hp_addr *dst, bool zero_ok)
{
	if (zero_ok && !hp_get16(msg + HP_HIP_OFF_CSUM))
		return true;
	return hp_csum_fold(sum_with(msg, len, src, dst)) == 0xffff;
}

/* ---- what is covered */

int hp_hip_covered(const uint8_t *msg, size_t len, size_t tlv_off, uint8_t *scratch)
{
	if (tlv_off < HP_HIP_HLEN || tlv_off > len || tlv_off > HP_HIP_MAX || tlv_off % 8)
		return -EBADMSG;
	memcpy(scratch, msg, tlv_off);
	scratch[HP_HIP_OFF_HLEN] = (uint8_t)(tlv_off / 8 - 1);
	hp_put16(scratch + HP_HIP_OFF_CSUM, 0);
	return (int)tlv_off;
}

int hp_hip_covered_sig2(const uint8_t *msg, size_t len, size_t tlv_off, uint8_t *scratch)
{
	int n = hp_hip_covered(msg, len, tlv_off, scratch);
	struct hp_rd r;

	if (n < 0)
		return n;
	memset(scratch + HP_HIP_OFF_DST, 0, 16);
	r = hp_rd_init(scratch + HP_HIP_HLEN, (size_t)n - HP_HIP_HLEN);
	while (hp_rd_left(&r)) {
		uint16_t type = hp_rd_u16(&r), plen = hp_rd_u16(&r);
		size_t at = (size_t)n - hp_rd_left(&r);

		hp_rd_skip(&r, hp_param_space(plen) - 4);
		if (hp_rd_done(&r))
			return -EBADMSG;
		/* K and lifetime stay; opaque and I go. */
		if (type == HP_PARAM_PUZZLE && plen > 2)
			memset(scratch + at + 2, 0, plen - 2u);
	}
	return n;
}

int hp_hip_covered_mac2(const uint8_t *msg, size_t len, size_t tlv_off,
			const struct hp_bytes *host_id_tlv, uint8_t *scratch)
{
	int n = hp_hip_covered(msg, len, tlv_off, scratch);
	size_t whole;

	if (n < 0)
		return n;
	if (host_id_tlv->len % 8)
		return -EBADMSG;
	if (host_id_tlv->len > HP_HIP_MAX - (size_t)n)
		return -EMSGSIZE;
	whole = (size_t)n + host_id_tlv->len;
	memcpy(scratch + n, host_id_tlv->p, host_id_tlv->len);
	scratch[HP_HIP_OFF_HLEN] = (uint8_t)(whole / 8 - 1);
	return (int)whole;
}
