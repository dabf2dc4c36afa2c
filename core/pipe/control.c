/* SPDX-License-Identifier: MIT
 *
 * See control.h.
 */
#include "pipe/control.h"

#include <string.h>

#include "wire/hip.h"
#include "wire/ip.h"

static size_t space(size_t len)
{
	return (4 + len + 7) & ~(size_t)7; /* RFC 7401, section 5.2.1 */
}

static bool is_empty(const struct hp_registry *reg, enum hp_stage stage)
{
	size_t n;

	hp_registry_hooks(reg, stage, &n);
	return !n;
}

static struct hp_packet packet(const uint8_t *msg, size_t len, struct hp_assoc *a, uint8_t family)
{
	return (struct hp_packet){ .buf = (uint8_t *)msg, .cap = len, .data = (uint8_t *)msg,
				   .len = len, .proto = HP_PROTO_HIP, .family = family,
				   .assoc = a };
}

static uint64_t wanted(const struct hp_registry *reg, enum hp_stage stage, uint8_t family)
{
	struct hp_match_in in = { .family = family, .proto = HP_PROTO_HIP };

	return hp_registry_resolve(reg, stage, &in);
}

bool hp_pipe_control_shown(struct hp_registry *reg, enum hp_stage stage, const struct hp_path *path,
		      struct hp_assoc *a, const uint8_t *msg, size_t len)
{
	struct hp_packet p;

	if (is_empty(reg, stage))
		return true;
	p = packet(msg, len, a, hp_addr_is4(&path->dst) ? 4 : 6);
	p.dir = stage == HP_STAGE_CTL_OUTER ? HP_OUTBOUND : HP_INBOUND;
	p.src = p.dir == HP_INBOUND ? path->dst : path->src;
	p.dst = p.dir == HP_INBOUND ? path->src : path->dst;
	return hp_registry_run(reg, stage, wanted(reg, stage, p.family), &p, NULL) == HP_NEXT;
}

bool hp_pipe_control_builds(const struct hp_registry *reg)
{
	return !is_empty(reg, HP_STAGE_CTL_BUILD);
}

/* Those that fit, in order. */
static size_t encode(const struct hp_extra *x, uint8_t *tlvs, size_t room)
{
	size_t at = 0;

	for (size_t i = 0; i < x->n; i++) {
		const struct hp_extra_param *p = &x->param[i];

		if (space(p->len) > room - at)
			continue;
		memset(tlvs + at, 0, space(p->len));
		hp_put16(tlvs + at, p->type);
		hp_put16(tlvs + at + 2, p->len);
		memcpy(tlvs + at + 4, x->data + p->at, p->len);
		at += space(p->len);
	}
	return at;
}

size_t hp_pipe_control_build(struct hp_registry *reg, const struct hp_hip_built *what, uint8_t *tlvs)
{
	uint8_t header[HP_HIP_HLEN];
	struct hp_hip_builder b;
	struct hp_packet p;
	struct hp_extra x;

	if (is_empty(reg, HP_STAGE_CTL_BUILD))
		return 0;
	hp_hip_begin(&b, header, sizeof(header), what->type, 0, &what->local_hit, &what->peer_hit);
	hp_hip_finish(&b);
	p = packet(header, sizeof(header), what->assoc,
		   what->path && !hp_addr_is4(&what->path->dst) ? 6 : 4);
	p.dir = HP_OUTBOUND;
	if (what->path) {
		p.src = what->path->src;
		p.dst = what->path->dst;
	}
	x.room = what->room;
	hp_registry_build(reg, wanted(reg, HP_STAGE_CTL_BUILD, p.family), &p, &x);
	return encode(&x, tlvs, what->room);
}
