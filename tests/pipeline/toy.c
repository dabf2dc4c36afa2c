/* SPDX-License-Identifier: MIT
 *
 * toy: a transport plugin as somebody else would write it, with the public headers only.
 *
 * Every packet gets four octets in front ("toy" and a number that depends on its contents), and
 * all its octets are changed.  A packet without them is not of a peer with the same plugin and is
 * dropped.
 */
#include <string.h>

#include <hipproxy/outer.h>
#include <hipproxy/plugin.h>

#define HEAD 4
#define MASK 0x5a

enum { RUNS, PACKETS };

static const struct hp_counter counters[] = {
	[RUNS] = { "runs", "runs that have left" },
	[PACKETS] = { "packets", "packets in them" },
	{ NULL, NULL }
};

enum { STRANGE };

static const struct hp_counter drops[] = {
	[STRANGE] = { "strange", "not of a peer with this plugin" },
	{ NULL, NULL }
};

static uint8_t sum(const uint8_t *p, size_t len)
{
	uint8_t s = 0;

	while (len--)
		s = (uint8_t)(s + *p++);
	return s;
}

static void mask(uint8_t *p, size_t len)
{
	while (len--)
		*p++ ^= MASK;
}

/* From the last packet on, for each moves behind the place that it had. */
static enum hp_verdict out(struct hp_instance *self, struct hp_outer_run *r)
{
	if (r->tail < r->n * HEAD)
		return hp_outer_drop(self, r, STRANGE);
	for (uint32_t i = r->n; i-- > 0;) {
		uint8_t *from = r->data + (size_t)i * r->seg;
		uint8_t *to = r->data + (size_t)i * (r->seg + HEAD);
		size_t len = hp_outer_len(r, i);

		memmove(to + HEAD, from, len);
		memcpy(to, "toy", 3);
		to[3] = sum(to + HEAD, len);
		mask(to + HEAD, len);
	}
	r->seg += HEAD;
	r->last += HEAD;
	r->tail -= r->n * HEAD;
	hp_count(&self->counters, RUNS);
	hp_count_add(&self->counters, PACKETS, r->n);
	return HP_NEXT;
}

/* Gives each packet on by itself: runs may be taken apart. */
static enum hp_verdict in(struct hp_instance *self, struct hp_outer_run *r)
{
	for (uint32_t i = 0; i < r->n; i++) {
		struct hp_outer_run one = *r;

		one.data += (size_t)i * r->seg + HEAD;
		one.n = 1;
		one.seg = one.last = hp_outer_len(r, i) - HEAD;
		if (hp_outer_len(r, i) >= HEAD)
			mask(one.data, one.last);
		if (hp_outer_len(r, i) < HEAD || memcmp(one.data - HEAD, "toy", 3) ||
		    one.data[-1] != sum(one.data, one.last))
			hp_outer_drop(self, &one, STRANGE);
		else
			hp_outer_pass(&one);
	}
	return HP_TAKEN;
}

static const struct hp_hook hooks[] = {
	{ .name = "toy.out", .stage = HP_STAGE_OUT_OUTER, .run = out, .grows = HEAD },
	{ .name = "toy.in", .stage = HP_STAGE_IN_OUTER, .run = in },
	{ .name = NULL }
};

HP_PLUGIN(toy) = {
	HP_PLUGIN_HEAD,
	.name = "toy",
	.version = "1",
	.summary = "ESP and HIP in a form of its own",
	.hooks = hooks,
	.counters = counters,
	.drops = drops,
};
