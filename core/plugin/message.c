/* SPDX-License-Identifier: MIT
 *
 * HIP control messages as plugins see them (hipproxy/message.h), and what they add to those that
 * are going to be built.
 */
#include "plugin/internal.h"

#include <errno.h>
#include <string.h>

#include <hipproxy/wire.h>

#define HEADER      40    /* octets (RFC 7401, section 5.1) */
#define OFF_TYPE    2
#define PRIVATE_END 49151

uint8_t hp_message_type(const struct hp_packet *p)
{
	return p->len >= HEADER ? p->data[OFF_TYPE] & 0x7f : 0;
}

const uint8_t *hp_message_param(const struct hp_packet *p, uint16_t type, size_t nth, size_t *len)
{
	struct hp_rd r = hp_rd_init(p->data, p->len);

	hp_rd_skip(&r, HEADER);
	while (hp_rd_left(&r)) {
		uint16_t t = hp_rd_u16(&r), n = hp_rd_u16(&r);
		const uint8_t *at = hp_rd_bytes(&r, n);

		/* Padded to 8 octets with its head (section 5.2.1). */
		hp_rd_skip(&r, (size_t)(-(4 + n) & 7));
		if (hp_rd_done(&r))
			return NULL;
		if (t != type || nth--)
			continue;
		*len = n;
		return at;
	}
	return NULL;
}

static bool is_permitted(const struct hp_plugin *p, uint16_t type)
{
	for (const uint16_t *own = p->params; own && *own; own++)
		if (*own == type)
			return true;
	return type >= HP_PRIVATE_PARAM && type <= PRIVATE_END;
}

/* Of a parameter in a message: with its head, padded to 8 octets (section 5.2.1). */
static size_t space(size_t len)
{
	return (4 + len + 7) & ~(size_t)7;
}

/* Its place by number; n when it is the last.  -EEXIST: it is there. */
static int place_of(const struct hp_extra *x, uint16_t type)
{
	size_t i = 0;

	while (i < x->n && x->param[i].type < type)
		i++;
	return i < x->n && x->param[i].type == type ? -EEXIST : (int)i;
}

int hp_message_add(struct hp_instance *self, uint16_t type, const void *contents, size_t len)
{
	struct module *m = hp_module_of(self);
	struct hp_extra *x = m->reg->building;
	int at;

	if (!x || m->reg->builder != m)
		return -EOPNOTSUPP;
	if (!is_permitted(self->plugin, type) || (len && !contents))
		return -EINVAL;
	if (len > HP_MESSAGE_PARAM_MAX - m->extra_bytes)
		return -EMSGSIZE;
	at = place_of(x, type);
	if (at < 0)
		return at;
	if (x->n == HP_MESSAGE_PARAMS || len > sizeof(x->data) - x->used || space(len) > x->room) {
		m->counts.refused++;
		return -ENOBUFS;
	}
	x->room -= space(len);
	memmove(&x->param[at + 1], &x->param[at], (x->n - (size_t)at) * sizeof(x->param[0]));
	x->param[at] = (struct hp_extra_param){ type, (uint16_t)len, (uint16_t)x->used };
	if (len)
		memcpy(x->data + x->used, contents, len);
	x->used += len;
	x->n++;
	m->extra_bytes += (uint32_t)len;
	return 0;
}

static void clear_bytes(struct hp_registry *reg)
{
	for (size_t i = 0; i < reg->n_plugins; i++)
		reg->order[i]->extra_bytes = 0;
}

void hp_registry_build(struct hp_registry *reg, uint64_t wanted, struct hp_packet *p,
		       struct hp_extra *out)
{
	const struct hp_step *steps = reg->stages[HP_STAGE_CTL_BUILD].steps;

	out->n = out->used = 0;
	clear_bytes(reg);
	reg->building = out;
	for (; wanted; wanted &= wanted - 1) {
		const struct hp_step *step = &steps[__builtin_ctzll(wanted)];

		reg->builder = hp_module_of(step->self);
		if (step->hook->fn && reg->builder->started)
			step->hook->fn(step->self, p);
	}
	reg->building = NULL;
	reg->builder = NULL;
}
