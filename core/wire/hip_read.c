/* SPDX-License-Identifier: MIT
 *
 * HIP parameters, from contents to structs (RFC 7401, section 5.2; 7402; 8003; 8046; 5770).
 */
#include "wire/hip.h"

#define READER(t)                            \
	hp_rd_init((t) ? (t)->data : NULL, (t) ? (t)->len : 0)

int hp_hip_read_esp_info(const struct hp_hip_tlv *t, struct hp_esp_info *out)
{
	struct hp_rd r = READER(t);

	hp_rd_skip(&r, 2);
	out->keymat_idx = hp_rd_u16(&r);
	out->old_spi = hp_rd_u32(&r);
	out->new_spi = hp_rd_u32(&r);
	return t ? hp_rd_end(&r) : -ENOENT;
}

int hp_hip_read_r1_counter(const struct hp_hip_tlv *t, uint64_t *out)
{
	struct hp_rd r = READER(t);

	hp_rd_skip(&r, 4);
	*out = hp_rd_u64(&r);
	return t ? hp_rd_end(&r) : -ENOENT;
}

int hp_hip_read_puzzle(const struct hp_hip_tlv *t, struct hp_puzzle *out)
{
	struct hp_rd r = READER(t);

	out->k = hp_rd_u8(&r);
	out->lifetime = hp_rd_u8(&r);
	out->opaque = hp_rd_bytes(&r, 2);
	out->rhash_len = hp_rd_left(&r);
	out->i = hp_rd_bytes(&r, out->rhash_len);
	return t ? hp_rd_done(&r) : -ENOENT;
}

int hp_hip_read_solution(const struct hp_hip_tlv *t, struct hp_solution *out)
{
	struct hp_rd r = READER(t);

	out->k = hp_rd_u8(&r);
	hp_rd_skip(&r, 1);
	out->opaque = hp_rd_bytes(&r, 2);
	out->rhash_len = hp_rd_left(&r) / 2;
	out->i = hp_rd_bytes(&r, out->rhash_len);
	out->j = hp_rd_bytes(&r, out->rhash_len);
	return t ? hp_rd_end(&r) : -ENOENT;
}

int hp_hip_read_seq(const struct hp_hip_tlv *t, uint32_t *out)
{
	struct hp_rd r = READER(t);

	*out = hp_rd_u32(&r);
	return t ? hp_rd_end(&r) : -ENOENT;
}

int hp_hip_read_ack(const struct hp_hip_tlv *t, struct hp_u32list *out)
{
	if (!t)
		return -ENOENT;
	*out = (struct hp_u32list){ t->data, t->len / 4u };
	return t->len && t->len % 4 == 0 ? 0 : -EBADMSG;
}

int hp_hip_read_dh(const struct hp_hip_tlv *t, struct hp_dh_value *out)
{
	struct hp_rd r = READER(t);

	out->group = hp_rd_u8(&r);
	out->pub_len = hp_rd_u16(&r);
	out->pub = hp_rd_bytes(&r, out->pub_len);
	return t ? hp_rd_end(&r) : -ENOENT;
}

int hp_hip_read_encrypted(const struct hp_hip_tlv *t, size_t iv_len, struct hp_encrypted *out)
{
	struct hp_rd r = READER(t);

	hp_rd_skip(&r, 4);
	out->iv = hp_rd_bytes(&r, iv_len);
	out->len = hp_rd_left(&r);
	out->data = hp_rd_bytes(&r, out->len);
	return t ? hp_rd_done(&r) : -ENOENT;
}

int hp_hip_read_host_id(const struct hp_hip_tlv *t, struct hp_host_id *out)
{
	struct hp_rd r = READER(t);
	uint16_t di;

	out->hi_len = hp_rd_u16(&r);
	di = hp_rd_u16(&r);
	out->di_type = (uint8_t)(di >> 12);
	out->di_len = di & 0xfff;
	out->algorithm = hp_rd_u16(&r);
	out->hi = hp_rd_bytes(&r, out->hi_len);
	out->di = hp_rd_bytes(&r, out->di_len);
	return t ? hp_rd_end(&r) : -ENOENT;
}

int hp_hip_read_notification(const struct hp_hip_tlv *t, struct hp_notification *out)
{
	struct hp_rd r = READER(t);

	hp_rd_skip(&r, 2);
	out->type = hp_rd_u16(&r);
	out->len = hp_rd_left(&r);
	out->data = hp_rd_bytes(&r, out->len);
	return t ? hp_rd_done(&r) : -ENOENT;
}

int hp_hip_read_signature(const struct hp_hip_tlv *t, struct hp_signature *out)
{
	struct hp_rd r = READER(t);

	out->algorithm = hp_rd_u16(&r);
	out->len = hp_rd_left(&r);
	out->sig = hp_rd_bytes(&r, out->len);
	return t ? hp_rd_done(&r) : -ENOENT;
}

static struct hp_u8list rest(struct hp_rd *r)
{
	size_t n = hp_rd_left(r);

	return (struct hp_u8list){ hp_rd_bytes(r, n), n };
}

int hp_hip_read_reg_info(const struct hp_hip_tlv *t, struct hp_reg_info *out)
{
	struct hp_rd r = READER(t);

	out->min_lifetime = hp_rd_u8(&r);
	out->max_lifetime = hp_rd_u8(&r);
	out->types = rest(&r);
	return t ? hp_rd_done(&r) : -ENOENT;
}

int hp_hip_read_reg(const struct hp_hip_tlv *t, struct hp_reg *out)
{
	struct hp_rd r = READER(t);

	out->value = hp_rd_u8(&r);
	out->types = rest(&r);
	return t ? hp_rd_done(&r) : -ENOENT;
}

int hp_hip_read_transport_addr(const struct hp_hip_tlv *t, struct hp_transport_addr *out)
{
	struct hp_rd r = READER(t);

	out->port = hp_rd_u16(&r);
	out->protocol = hp_rd_u8(&r);
	hp_rd_skip(&r, 1);
	out->addr = hp_rd_addr(&r);
	return t ? hp_rd_end(&r) : -ENOENT;
}

int hp_hip_read_bytes(const struct hp_hip_tlv *t, struct hp_bytes *out)
{
	if (!t)
		return -ENOENT;
	*out = (struct hp_bytes){ t->data, t->len };
	return 0;
}

int hp_hip_read_u8list(const struct hp_hip_tlv *t, struct hp_u8list *out)
{
	if (!t)
		return -ENOENT;
	*out = (struct hp_u8list){ t->data, t->len };
	return t->len ? 0 : -EBADMSG;
}

/* These begin with two reserved octets. */
static bool has_reserved(uint16_t type)
{
	return type == HP_PARAM_ESP_TRANSFORM || type == HP_PARAM_NAT_TRAVERSAL_MODE;
}

int hp_hip_read_u16list(const struct hp_hip_tlv *t, struct hp_u16list *out)
{
	size_t skip;

	if (!t)
		return -ENOENT;
	skip = has_reserved(t->type) ? 2 : 0;
	if (t->len < skip + 2 || t->len % 2)
		return -EBADMSG;
	*out = (struct hp_u16list){ t->data + skip, (t->len - skip) / 2 };
	return 0;
}

int hp_hip_read_addrlist(const struct hp_hip_tlv *t, struct hp_addrlist *out)
{
	if (!t)
		return -ENOENT;
	*out = (struct hp_addrlist){ t->data, t->len / 16u };
	return t->len && t->len % 16 == 0 ? 0 : -EBADMSG;
}

/* The locator field proper, whose length was announced; unknown types are passed over. */
static void read_locator_body(struct hp_rd *r, struct hp_locator *out)
{
	if (out->type == HP_LOCATOR_UDP) {
		out->port = hp_rd_u16(r);
		out->protocol = hp_rd_u8(r);
		out->kind = hp_rd_u8(r);
		out->priority = hp_rd_u32(r);
	}
	if (out->type == HP_LOCATOR_SPI_ADDR || out->type == HP_LOCATOR_UDP)
		out->spi = hp_rd_u32(r);
	if (out->type <= HP_LOCATOR_UDP)
		out->addr = hp_rd_addr(r);
}

static int read_locator(struct hp_rd *r, struct hp_locator *out)
{
	struct hp_rd body;
	const uint8_t *p;
	size_t len;

	memset(out, 0, sizeof(*out));
	out->traffic = hp_rd_u8(r);
	out->type = hp_rd_u8(r);
	len = hp_rd_u8(r) * (size_t)4;
	out->preferred = hp_rd_u8(r) & 1;
	out->lifetime_s = hp_rd_u32(r);
	p = hp_rd_bytes(r, len);
	if (hp_rd_done(r))
		return -EBADMSG;
	body = hp_rd_init(p, len);
	read_locator_body(&body, out);
	if (out->type <= HP_LOCATOR_UDP && hp_rd_end(&body))
		r->bad = true;
	return hp_rd_done(r);
}

int hp_hip_read_locators(const struct hp_hip_tlv *t, struct hp_rd *out)
{
	struct hp_rd r = READER(t);
	struct hp_locator l;

	if (!t)
		return -ENOENT;
	*out = r;
	while (hp_rd_left(&r))
		read_locator(&r, &l);
	return hp_rd_done(&r);
}

bool hp_hip_locator_next(struct hp_rd *r, struct hp_locator *out)
{
	return hp_rd_left(r) && !read_locator(r, out);
}
