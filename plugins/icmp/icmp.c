/* SPDX-License-Identifier: MIT
 *
 * icmp: ping and ICMP errors between legacy hosts and HIP peers (RFC 7915, sections 4.2, 4.3, 5.2
 * and 5.3).  Between HITs there is ICMPv6 only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/plugin.h>

#include "map.h"

/* ---- settings */

struct settings {
	uint32_t errors_per_s, burst;
};

static const struct hp_conf_row schema[] = {
	{ "errors_per_s", HP_CONF_INT, 0, HP_CONF_AT(struct settings, errors_per_s), 1, 100000,
	  "100", .help = "ICMP errors that are translated" },
	{ "burst", HP_CONF_INT, 0, HP_CONF_AT(struct settings, burst), 1, 100000, "200",
	  .help = "ICMP errors that are translated at once" },
	HP_CONF_END
};

/* ---- counters */

enum { ECHO, ERRORS_OUT, ERRORS_IN };

static const struct hp_counter counters[] = {
	[ECHO] = { "echo", "echo requests and replies translated" },
	[ERRORS_OUT] = { "errors_out", "errors of the legacy side translated for peers" },
	[ERRORS_IN] = { "errors_in", "errors of peers translated for legacy hosts" },
	{ NULL, NULL }
};

/* The first ones in the order of enum map_why, less MAP_OK. */
enum { NOT_ECHO = MAP_WHYS - 1, RATE };

static const struct hp_counter drops[] = {
	[MAP_SHORT - 1] = { "short", "error that quotes too little to be told whose it is" },
	[MAP_CHECKSUM - 1] = { "checksum", "error with a wrong checksum" },
	[MAP_QUENCH - 1] = { "source-quench", "source quench has no counterpart (RFC 6633)" },
	[MAP_REDIRECT - 1] = { "redirect", "redirects concern one link only" },
	[MAP_TYPE - 1] = { "type", "a type without a counterpart" },
	[MAP_CODE - 1] = { "code", "a code without a counterpart" },
	[MAP_POINTER - 1] = { "pointer", "points at what the other header does not have" },
	[MAP_QUOTED - 1] = { "quoted", "quotes something that is no packet of ours" },
	[NOT_ECHO] = { "not-echo", "neither echo nor an error, or a broken one" },
	[RATE] = { "rate", "more errors than errors_per_s" },
	{ NULL, NULL }
};

/* ---- state */

struct state {
	struct hp_tokens tokens;
	uint16_t ip_id; /* the last IPv4 identification */
};

/* ---- helpers */

/* The quoted packet went from the peer to the legacy host.  The error travels whole. */
static struct map_to toward_peer(struct hp_instance *self, const struct hp_packet *p)
{
	const struct hp_flow_key *k = hp_flow_key(p->flow);
	size_t room = hp_packet_room(self, p);

	return (struct map_to){
		.src = k->local_hit, .dst = k->peer_hit, .ttl = p->ttl, .tos = p->tos,
		.max = room < MAP_MAX ? room : MAP_MAX,
		.quoted = { .src = k->peer_hit, .sport = k->peer_port, .dst = k->local_hit,
			    .dport = k->local_port, .id = k->local_port },
	};
}

/* And this one the other way. */
static struct map_to toward_legacy(struct hp_instance *self, const struct hp_packet *p)
{
	const struct hp_flow_key *k = hp_flow_key(p->flow);
	struct state *st = self->state;

	st->ip_id += 2;
	return (struct map_to){
		.src = k->far, .dst = k->legacy, .ttl = p->ttl, .tos = p->tos, .max = MAP_MAX,
		.ip_id = st->ip_id,
		.quoted = { .src = k->legacy, .sport = k->legacy_port, .dst = k->far,
			    .dport = k->far_port, .id = k->legacy_port,
			    .ip_id = (uint16_t)(st->ip_id - 1) },
	};
}

static enum hp_verdict translate_error(struct hp_instance *self, struct hp_packet *p)
{
	struct state *st = self->state;
	struct map_to to = p->dir == HP_OUTBOUND ? toward_peer(self, p) : toward_legacy(self, p);
	uint8_t out[MAP_MAX];
	enum map_why why;
	size_t len;

	if (!hp_tokens_take(&st->tokens, hp_instance_now(self), 1))
		return hp_packet_drop(self, p, RATE);
	why = map_error(p->data, p->len, p->l4_off, &to, out, &len);
	if (why != MAP_OK)
		return hp_packet_drop(self, p, why - 1);
	if (p->cap < HP_PACKET_HEADROOM + len)
		return hp_packet_drop(self, p, MAP_SHORT - 1);
	p->data = p->buf + HP_PACKET_HEADROOM;
	p->len = len;
	memcpy(p->data, out, len);
	p->csum_partial = false;
	if (hp_packet_dissect(p))
		return hp_packet_drop(self, p, MAP_QUOTED - 1);
	hp_count(&self->counters, p->dir == HP_OUTBOUND ? ERRORS_OUT : ERRORS_IN);
	return HP_NEXT;
}

static enum hp_verdict translate_echo(struct hp_instance *self, struct hp_packet *p)
{
	if (hp_packet_translate(self, p))
		return hp_packet_drop(self, p, NOT_ECHO);
	hp_count(&self->counters, ECHO);
	return HP_NEXT;
}

/* ---- hooks */

static enum hp_verdict translate(struct hp_instance *self, struct hp_packet *p)
{
	return p->related ? translate_error(self, p) : translate_echo(self, p);
}

static const char *const before[] = { "core.xlat46", "core.xlat64", "core.xlat66", NULL };

static const struct hp_hook hooks[] = {
	{ .name = "icmp.out46", .stage = HP_STAGE_OUT_XLAT, .match = { .proto = 1 },
	  .before = before, .fn = translate, .help = "ICMP to ICMPv6 between HITs" },
	{ .name = "icmp.out66", .stage = HP_STAGE_OUT_XLAT, .match = { .proto = 58 },
	  .before = before, .fn = translate, .help = "ICMPv6 of legacy hosts to HITs" },
	/* Echo goes by the flow's protocol, errors by their own. */
	{ .name = "icmp.in64", .stage = HP_STAGE_IN_XLAT, .match = { .proto = 1 },
	  .before = before, .fn = translate, .help = "ICMPv6 echo to ICMP" },
	{ .name = "icmp.in6", .stage = HP_STAGE_IN_XLAT, .match = { .proto = 58 },
	  .before = before, .fn = translate, .help = "ICMPv6 errors to the legacy host's family" },
	{ .name = NULL }
};

/* ---- life */

static int start(struct hp_instance *self)
{
	const struct settings *s = self->settings;
	struct state *st = calloc(1, sizeof(*st));

	if (!st)
		return -ENOMEM;
	hp_tokens_init(&st->tokens, s->errors_per_s, s->burst);
	st->ip_id = (uint16_t)hp_instance_now(self);
	self->state = st;
	return 0;
}

static int reload(struct hp_instance *self, const void *settings)
{
	const struct settings *s = settings;
	struct state *st = self->state;

	hp_tokens_init(&st->tokens, s->errors_per_s, s->burst);
	return 0;
}

static void stop(struct hp_instance *self)
{
	free(self->state);
	self->state = NULL;
}

HP_PLUGIN(icmp) = {
	HP_PLUGIN_HEAD,
	.name = "icmp",
	.version = "1",
	.summary = "ping and ICMP errors between legacy hosts and HIP peers",
	.schema = schema,
	.settings_bytes = sizeof(struct settings),
	.hooks = hooks,
	.counters = counters,
	.drops = drops,
	.start = start,
	.reload = reload,
	.stop = stop,
};
