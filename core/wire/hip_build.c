/* SPDX-License-Identifier: MIT
 *
 * HIP messages, from structs to bytes (RFC 7401, section 5).
 */
#include "wire/hip.h"

#include "wire/ip.h"

void hp_hip_begin_list(struct hp_hip_builder *b, uint8_t *buf, size_t cap)
{
	memset(b, 0, sizeof(*b));
	b->w = hp_wr_init(buf, cap < HP_HIP_MAX ? cap : HP_HIP_MAX);
	b->bare = true;
}

void hp_hip_begin(struct hp_hip_builder *b, uint8_t *buf, size_t cap, uint8_t type,
		  uint16_t controls, const struct hp_addr *src_hit,
		  const struct hp_addr *dst_hit)
{
	hp_hip_begin_list(b, buf, cap);
	b->bare = false;
	hp_wr_u8(&b->w, HP_PROTO_NONE);
	hp_wr_u8(&b->w, HP_HIP_HLEN / 8 - 1);
	hp_wr_u8(&b->w, type & 0x7f);
	hp_wr_u8(&b->w, 0x21);
	hp_wr_u16(&b->w, 0);
	hp_wr_u16(&b->w, controls);
	hp_wr_bytes(&b->w, src_hit->b, 16);
	hp_wr_bytes(&b->w, dst_hit->b, 16);
}

struct hp_wr *hp_hip_open(struct hp_hip_builder *b, uint16_t type)
{
	const struct hp_param_row *row = hp_param_row(type);
	bool again = type == b->last_type;

	if (b->open || type < b->last_type ||
	    (again && row && !(row->flags & HP_PARAM_REPEATS)))
		b->err = -EINVAL;
	b->open = true;
	b->last_type = type;
	b->open_off = hp_wr_len(&b->w);
	hp_wr_u16(&b->w, type);
	hp_wr_u16(&b->w, 0);
	return &b->w;
}

void hp_hip_close_param(struct hp_hip_builder *b)
{
	const struct hp_param_row *row = hp_param_row(b->last_type);
	size_t len;

	if (!b->open || b->err || hp_wr_done(&b->w)) {
		b->open = false;
		return;
	}
	b->open = false;
	len = hp_wr_len(&b->w) - b->open_off - 4;
	if (row && (len < row->min || len > row->max || (len - row->min) % row->unit))
		b->err = -EINVAL;
	hp_put16(b->w.start + b->open_off + 2, (uint16_t)len);
	hp_wr_zero(&b->w, hp_param_space(len) - 4 - len);
}

void hp_hip_param(struct hp_hip_builder *b, uint16_t type, const void *data, size_t len)
{
	hp_wr_bytes(hp_hip_open(b, type), data, len);
	hp_hip_close_param(b);
}

/* Where a parameter of this type goes; -EEXIST. */
static int place_of(const struct hp_hip_builder *b, uint16_t type)
{
	size_t at = b->bare ? 0 : HP_HIP_HLEN, end = hp_wr_len(&b->w);

	while (at + 4 <= end && hp_get16(b->w.start + at) < type)
		at += hp_param_space(hp_get16(b->w.start + at + 2));
	return at + 4 <= end && hp_get16(b->w.start + at) == type ? -EEXIST : (int)at;
}

/* Octets of the parameter at p, padding included, of left; 0: it is none. */
static size_t whole(const uint8_t *p, size_t left)
{
	size_t space = left < 4 ? 0 : hp_param_space(hp_get16(p + 2));

	return space <= left ? space : 0;
}

static int may_merge(const struct hp_hip_builder *b, const uint8_t *tlvs, size_t len)
{
	size_t n;

	if (b->open || b->err || b->w.bad)
		return -EBADMSG;
	if (len > (size_t)(b->w.end - b->w.p))
		return -EMSGSIZE;
	for (size_t at = 0; at < len; at += n) {
		n = whole(tlvs + at, len - at);
		if (!n)
			return -EBADMSG;
		if (place_of(b, hp_get16(tlvs + at)) < 0)
			return -EEXIST;
	}
	return 0;
}

int hp_hip_merge(struct hp_hip_builder *b, const uint8_t *tlvs, size_t len)
{
	int err = may_merge(b, tlvs, len), place;
	size_t n;

	for (size_t at = 0; !err && at < len; at += n) {
		uint16_t type = hp_get16(tlvs + at);

		n = whole(tlvs + at, len - at);
		place = place_of(b, type);
		memmove(b->w.start + place + n, b->w.start + place,
			hp_wr_len(&b->w) - (size_t)place);
		memcpy(b->w.start + place, tlvs + at, n);
		b->w.p += n;
		if (type > b->last_type)
			b->last_type = type;
	}
	return err;
}

int hp_hip_finish(struct hp_hip_builder *b)
{
	size_t len = hp_wr_len(&b->w);

	if (b->open)
		b->err = -EINVAL;
	if (b->err)
		return b->err;
	if (hp_wr_done(&b->w))
		return -EMSGSIZE;
	if (!b->bare)
		b->w.start[HP_HIP_OFF_HLEN] = (uint8_t)(len / 8 - 1);
	return (int)len;
}

void hp_hip_add_esp_info(struct hp_hip_builder *b, const struct hp_esp_info *v)
{
	struct hp_wr *w = hp_hip_open(b, HP_PARAM_ESP_INFO);

	hp_wr_u16(w, 0);
	hp_wr_u16(w, v->keymat_idx);
	hp_wr_u32(w, v->old_spi);
	hp_wr_u32(w, v->new_spi);
	hp_hip_close_param(b);
}

void hp_hip_add_r1_counter(struct hp_hip_builder *b, uint64_t generation)
{
	struct hp_wr *w = hp_hip_open(b, HP_PARAM_R1_COUNTER);

	hp_wr_u32(w, 0);
	hp_wr_u64(w, generation);
	hp_hip_close_param(b);
}

void hp_hip_add_puzzle(struct hp_hip_builder *b, const struct hp_puzzle *v)
{
	struct hp_wr *w = hp_hip_open(b, HP_PARAM_PUZZLE);

	hp_wr_u8(w, v->k);
	hp_wr_u8(w, v->lifetime);
	hp_wr_bytes(w, v->opaque, 2);
	hp_wr_bytes(w, v->i, v->rhash_len);
	hp_hip_close_param(b);
}

void hp_hip_add_solution(struct hp_hip_builder *b, const struct hp_solution *v)
{
	struct hp_wr *w = hp_hip_open(b, HP_PARAM_SOLUTION);

	hp_wr_u8(w, v->k);
	hp_wr_u8(w, 0);
	hp_wr_bytes(w, v->opaque, 2);
	hp_wr_bytes(w, v->i, v->rhash_len);
	hp_wr_bytes(w, v->j, v->rhash_len);
	hp_hip_close_param(b);
}

void hp_hip_add_seq(struct hp_hip_builder *b, uint32_t update_id)
{
	hp_wr_u32(hp_hip_open(b, HP_PARAM_SEQ), update_id);
	hp_hip_close_param(b);
}

void hp_hip_add_ack(struct hp_hip_builder *b, const uint32_t *update_ids, size_t n)
{
	struct hp_wr *w = hp_hip_open(b, HP_PARAM_ACK);

	for (size_t i = 0; i < n; i++)
		hp_wr_u32(w, update_ids[i]);
	hp_hip_close_param(b);
}

void hp_hip_add_dh(struct hp_hip_builder *b, const struct hp_dh_value *v)
{
	struct hp_wr *w = hp_hip_open(b, HP_PARAM_DIFFIE_HELLMAN);

	hp_wr_u8(w, v->group);
	hp_wr_u16(w, (uint16_t)v->pub_len);
	hp_wr_bytes(w, v->pub, v->pub_len);
	hp_hip_close_param(b);
}

void hp_hip_add_u8list(struct hp_hip_builder *b, uint16_t type, const uint8_t *v, size_t n)
{
	hp_hip_param(b, type, v, n);
}

void hp_hip_add_u16list(struct hp_hip_builder *b, uint16_t type, const uint16_t *v, size_t n)
{
	struct hp_wr *w = hp_hip_open(b, type);

	if (type == HP_PARAM_ESP_TRANSFORM || type == HP_PARAM_NAT_TRAVERSAL_MODE)
		hp_wr_u16(w, 0);
	for (size_t i = 0; i < n; i++)
		hp_wr_u16(w, v[i]);
	hp_hip_close_param(b);
}

void hp_hip_add_encrypted(struct hp_hip_builder *b, const struct hp_encrypted *v,
			  size_t iv_len)
{
	struct hp_wr *w = hp_hip_open(b, HP_PARAM_ENCRYPTED);

	hp_wr_u32(w, 0);
	hp_wr_bytes(w, v->iv, iv_len);
	hp_wr_bytes(w, v->data, v->len);
	hp_hip_close_param(b);
}

void hp_hip_add_host_id(struct hp_hip_builder *b, const struct hp_host_id *v)
{
	struct hp_wr *w = hp_hip_open(b, HP_PARAM_HOST_ID);

	if (v->di_len > 0xfff)
		b->err = -EINVAL;
	hp_wr_u16(w, (uint16_t)v->hi_len);
	hp_wr_u16(w, (uint16_t)(v->di_type << 12 | (v->di_len & 0xfff)));
	hp_wr_u16(w, v->algorithm);
	hp_wr_bytes(w, v->hi, v->hi_len);
	hp_wr_bytes(w, v->di, v->di_len);
	hp_hip_close_param(b);
}

void hp_hip_add_notification(struct hp_hip_builder *b, const struct hp_notification *v)
{
	struct hp_wr *w = hp_hip_open(b, HP_PARAM_NOTIFICATION);

	hp_wr_u16(w, 0);
	hp_wr_u16(w, v->type);
	hp_wr_bytes(w, v->data, v->len);
	hp_hip_close_param(b);
}

void hp_hip_add_signature(struct hp_hip_builder *b, uint16_t type,
			  const struct hp_signature *v)
{
	struct hp_wr *w = hp_hip_open(b, type);

	hp_wr_u16(w, v->algorithm);
	hp_wr_bytes(w, v->sig, v->len);
	hp_hip_close_param(b);
}

static void add_locator(struct hp_wr *w, const struct hp_locator *v)
{
	static const uint8_t words[] = { 4, 5, 7 };

	hp_wr_u8(w, v->traffic);
	hp_wr_u8(w, v->type);
	hp_wr_u8(w, words[v->type]);
	hp_wr_u8(w, v->preferred);
	hp_wr_u32(w, v->lifetime_s);
	if (v->type == HP_LOCATOR_UDP) {
		hp_wr_u16(w, v->port);
		hp_wr_u8(w, v->protocol);
		hp_wr_u8(w, v->kind);
		hp_wr_u32(w, v->priority);
	}
	if (v->type != HP_LOCATOR_ADDR)
		hp_wr_u32(w, v->spi);
	hp_wr_bytes(w, v->addr.b, 16);
}

void hp_hip_add_locators(struct hp_hip_builder *b, const struct hp_locator *v, size_t n)
{
	struct hp_wr *w = hp_hip_open(b, HP_PARAM_LOCATOR_SET);

	for (size_t i = 0; i < n; i++) {
		if (v[i].type > HP_LOCATOR_UDP)
			b->err = -EINVAL;
		else
			add_locator(w, &v[i]);
	}
	hp_hip_close_param(b);
}

void hp_hip_add_reg_info(struct hp_hip_builder *b, const struct hp_reg_info *v)
{
	struct hp_wr *w = hp_hip_open(b, HP_PARAM_REG_INFO);

	hp_wr_u8(w, v->min_lifetime);
	hp_wr_u8(w, v->max_lifetime);
	hp_wr_bytes(w, v->types.p, v->types.n);
	hp_hip_close_param(b);
}

void hp_hip_add_reg(struct hp_hip_builder *b, uint16_t type, const struct hp_reg *v)
{
	struct hp_wr *w = hp_hip_open(b, type);

	hp_wr_u8(w, v->value);
	hp_wr_bytes(w, v->types.p, v->types.n);
	hp_hip_close_param(b);
}

void hp_hip_add_transport_addr(struct hp_hip_builder *b, uint16_t type,
			       const struct hp_transport_addr *v)
{
	struct hp_wr *w = hp_hip_open(b, type);

	hp_wr_u16(w, v->port);
	hp_wr_u8(w, v->protocol);
	hp_wr_u8(w, 0);
	hp_wr_bytes(w, v->addr.b, 16);
	hp_hip_close_param(b);
}

void hp_hip_add_addrs(struct hp_hip_builder *b, uint16_t type, const struct hp_addr *v,
		      size_t n)
{
	struct hp_wr *w = hp_hip_open(b, type);

	for (size_t i = 0; i < n; i++)
		hp_wr_bytes(w, v[i].b, 16);
	hp_hip_close_param(b);
}
