/* SPDX-License-Identifier: MIT
 *
 * See forge.h.
 */
#include "forge.h"

#include <stdlib.h>
#include <string.h>

static bool is_seal(uint16_t type)
{
	return type >= HP_PARAM_HIP_MAC;
}

void forge_read(struct forge *f, const struct packet *p)
{
	struct hp_hip_msg m;

	memset(f, 0, sizeof(*f));
	if (hp_hip_parse(p->msg, p->len, &m))
		abort();
	f->type = m.type;
	f->src = m.src_hit;
	f->dst = m.dst_hit;
	for (unsigned i = 0; i < m.params.n; i++)
		if (!is_seal(m.params.tlv[i].type))
			forge_insert(f, f->n, m.params.tlv[i].type, m.params.tlv[i].data,
				     m.params.tlv[i].len);
}

void forge_begin(struct forge *f, struct world *w, int from, uint8_t type)
{
	memset(f, 0, sizeof(*f));
	f->type = type;
	f->src = w->s[from].hit;
	f->dst = w->s[!from].hit;
}

struct forge_param *forge_find(struct forge *f, uint16_t type)
{
	for (unsigned i = 0; i < f->n; i++)
		if (f->at[i].type == type)
			return &f->at[i];
	return NULL;
}

void forge_insert(struct forge *f, unsigned at, uint16_t type, const void *data, size_t len)
{
	if (f->n == FORGE_PARAMS || len > sizeof(f->at[0].data))
		abort();
	memmove(&f->at[at + 1], &f->at[at], (f->n - at) * sizeof(f->at[0]));
	f->at[at].type = type;
	f->at[at].len = (uint16_t)len;
	memcpy(f->at[at].data, data, len);
	f->n++;
}

void forge_set(struct forge *f, uint16_t type, const void *data, size_t len)
{
	unsigned at = 0;

	forge_drop(f, type);
	while (at < f->n && f->at[at].type < type)
		at++;
	forge_insert(f, at, type, data, len);
}

void forge_drop(struct forge *f, uint16_t type)
{
	unsigned to = 0;

	for (unsigned i = 0; i < f->n; i++)
		if (f->at[i].type != type)
			f->at[to++] = f->at[i];
	f->n = to;
}

static void write_tlv(struct hp_hip_builder *b, uint16_t type, const uint8_t *data, uint16_t len)
{
	size_t pad = hp_param_space(len) - 4 - len;

	hp_wr_u16(&b->w, type);
	hp_wr_u16(&b->w, len);
	hp_wr_bytes(&b->w, data, len);
	while (pad--)
		hp_wr_u8(&b->w, 0);
}

/* R1 is signed without the receiver's HIT and the puzzle's random part. */
static int seal_r1(struct hp_hip_builder *b, const struct hp_identity *id)
{
	uint8_t scratch[HP_HIP_MAX], sig[HP_KEY_SIG_MAX];
	struct hp_signature s = {.algorithm = hp_key_algorithm(id->key), .sig = sig};
	int len = hp_hip_finish(b);

	len = hp_hip_covered_sig2(b->w.start, (size_t)len, (size_t)len, scratch);
	if (len < 0 || hp_key_sign(id->key, scratch, (size_t)len, sig, &s.len))
		return -1;
	hp_hip_add_signature(b, HP_PARAM_HIP_SIGNATURE_2, &s);
	return hp_hip_finish(b);
}

static const struct hp_secrets *keys_of(struct world *w, int from, uint8_t type)
{
	struct hp_assoc *a = hp_hip_find(w->s[from].hip, &w->s[from].hit, &w->s[!from].hit);

	if (!a)
		return NULL;
	return type == HP_HIP_I2 ? a->ex.next : a->sas.cur;
}

static int seal(struct hp_hip_builder *b, const struct forge *f, struct world *w, int from)
{
	struct hp_identity *id = hp_identity_find(w->s[from].hip, &f->src);
	const struct hp_secrets *s = keys_of(w, from, f->type);
	struct hp_bytes host_id = {id->host_id, id->host_id_len};

	if (f->type == HP_HIP_I1)
		return hp_hip_finish(b);
	if (f->type == HP_HIP_R1)
		return seal_r1(b, id);
	if (f->no_mac || f->type == HP_HIP_NOTIFY)
		return hp_auth_seal(b, HP_RHASH_NONE, NULL, NULL, id);
	return hp_auth_seal(b, s->rhash, &s->hip.out, f->type == HP_HIP_R2 ? &host_id : NULL, id);
}

void forge_seal(const struct forge *f, struct world *w, int from, struct packet *p)
{
	struct hp_hip_builder b;
	uint8_t msg[HP_HIP_MAX];
	int len;

	hp_hip_begin(&b, msg, sizeof(msg), f->type, 0, &f->src, &f->dst);
	for (unsigned i = 0; i < f->n; i++)
		write_tlv(&b, f->at[i].type, f->at[i].data, f->at[i].len);
	len = seal(&b, f, w, from);
	if (len < 0)
		abort();
	memcpy(p->msg, msg, (size_t)len);
	p->len = (size_t)len;
	hp_hip_checksum_set(p->msg, p->len, &p->src, &p->dst);
}

void forge_append(struct packet *p, uint16_t type, const void *data, size_t len)
{
	size_t space = hp_param_space(len);

	if (p->len + space > HP_HIP_MAX)
		abort();
	memset(p->msg + p->len, 0, space);
	hp_put16(p->msg + p->len, type);
	hp_put16(p->msg + p->len + 2, (uint16_t)len);
	memcpy(p->msg + p->len + 4, data, len);
	p->len += space;
	p->msg[HP_HIP_OFF_HLEN] = (uint8_t)(p->len / 8 - 1);
	hp_hip_checksum_set(p->msg, p->len, &p->src, &p->dst);
}

void forge_address(struct world *w, int from, struct packet *p)
{
	memset(p, 0, sizeof(*p));
	p->to = !from;
	p->src = w->s[from].addr;
	p->dst = w->s[!from].addr;
}

void forge_deliver(struct world *w, const struct packet *p)
{
	struct hp_path path = {.src = p->dst, .dst = p->src, .sport = p->dport, .dport = p->sport};
	/* Memory of its own, so that a sanitizer sees who reads on. */
	uint8_t *exact = malloc(p->len);

	memcpy(exact, p->msg, p->len);
	hp_hip_input(w->s[p->to].hip, &path, exact, p->len);
	free(exact);
}

void forge_give(const struct forge *f, struct world *w, int from)
{
	struct packet p;

	forge_address(w, from, &p);
	forge_seal(f, w, from, &p);
	forge_deliver(w, &p);
}

const struct packet *forge_kept(const struct world *w, int from, uint8_t type)
{
	for (size_t i = w->n_kept; i-- > 0;)
		if (w->kept[i]->msg[HP_HIP_OFF_TYPE] == type && w->kept[i]->to == !from)
			return w->kept[i];
	return NULL;
}
