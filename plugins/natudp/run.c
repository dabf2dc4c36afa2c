/* SPDX-License-Identifier: MIT
 *
 * The encapsulation (RFC 5770, section 5.1): which port a run leaves by, and what came to it.
 * UDP's own header is made and read by the kernel, for whole runs at a time.
 */
#include "natudp.h"

#include <string.h>

#include "encap.h"

enum hp_verdict natudp_out(struct hp_instance *self, struct hp_outer_run *r)
{
	if (!r->path.dport)
		return HP_NEXT;
	r->port = natudp_of(self)->port;
	if (r->kind == HP_OUTER_CONTROL) {
		r->data -= NATUDP_MARKER;
		r->head -= NATUDP_MARKER;
		memset(r->data, 0, NATUDP_MARKER);
		r->seg = r->last += NATUDP_MARKER;
	}
	return HP_NEXT;
}

/* Packets from to end - 1 of the run. */
static struct hp_outer_run part(const struct hp_outer_run *r, uint32_t from, uint32_t end)
{
	struct hp_outer_run p = *r;

	p.data += (size_t)from * r->seg;
	p.n = end - from;
	p.last = hp_outer_len(r, end - 1);
	return p;
}

static void pass_esp(const struct hp_outer_run *r, uint32_t from, uint32_t end)
{
	struct hp_outer_run p;

	if (from == end)
		return;
	p = part(r, from, end);
	p.kind = HP_OUTER_ESP;
	/* What stands in front and behind belongs to others. */
	p.head = p.tail = 0;
	hp_outer_pass(&p);
}

static void pass_other(struct hp_instance *self, const struct hp_outer_run *r, uint32_t i,
		       enum natudp_kind kind)
{
	struct hp_outer_run p = part(r, i, i + 1);

	if (kind == NATUDP_HIP) {
		p.kind = HP_OUTER_CONTROL;
		p.data += NATUDP_MARKER;
		p.seg = p.last -= NATUDP_MARKER;
		p.head = NATUDP_MARKER;
		p.tail = 0;
		hp_outer_pass(&p);
		return;
	}
	hp_outer_drop(self, &p, kind == NATUDP_RESERVED ? NATUDP_D_RESERVED :
			       kind == NATUDP_OVERSIZED ? NATUDP_D_OVERSIZED : NATUDP_D_RUNT);
}

/* ESP packets that follow each other stay together; mostly that is all of the run. */
enum hp_verdict natudp_in(struct hp_instance *self, struct hp_outer_run *r)
{
	uint32_t from = 0;

	if (r->kind != HP_OUTER_DATAGRAMS || r->port != natudp_of(self)->port)
		return HP_NEXT;
	for (uint32_t i = 0; i < r->n; i++) {
		enum natudp_kind kind =
			natudp_kind(r->data + (size_t)i * r->seg, hp_outer_len(r, i));

		if (kind == NATUDP_ESP)
			continue;
		pass_esp(r, from, i);
		pass_other(self, r, i, kind);
		from = i + 1;
	}
	if (!from) {
		r->kind = HP_OUTER_ESP;
		return HP_NEXT;
	}
	pass_esp(r, from, r->n);
	return HP_TAKEN;
}
