/* SPDX-License-Identifier: MIT
 *
 * mark: writes a DSCP (RFC 2474) into what legacy clients send through HIP.
 *
 * The smallest useful plugin: one hook, settings, counters, an area in each flow.  To begin a new
 * one, copy plugins/skeleton.
 */
#include <hipproxy/plugin.h>

/* ---- settings */

struct settings {
	uint8_t dscp;
	struct hp_conf_ports ports;
};

static const struct hp_conf_row schema[] = {
	{ "dscp", HP_CONF_INT, HP_CONF_REQUIRED, HP_CONF_AT(struct settings, dscp), 0, 63,
	  .help = "DSCP that is written" },
	{ "ports", HP_CONF_PORTS, 0, HP_CONF_AT(struct settings, ports),
	  .help = "ports of servers; if not given, all" },
	HP_CONF_END
};

/* ---- counters */

enum { MARKED, FLOWS };

static const struct hp_counter counters[] = {
	[MARKED] = { "marked", "packets whose DSCP was set" },
	[FLOWS] = { "flows", "flows with at least one such packet" },
	{ NULL, NULL }
};

/* ---- state: in each flow */

struct area {
	uint64_t marked; /* packets */
};

/* ---- helpers */

/* The header's checksum covers the 16-bit word that holds version, header length and TOS. */
static void set_tos4(uint8_t *ip, uint8_t tos)
{
	uint16_t before = hp_get16(ip);

	ip[1] = tos;
	hp_csum_update16(ip + 10, before, hp_get16(ip));
}

/* Where the flow was opened to, whoever opened it: on a client-side proxy the legacy client did,
 * on a server-side proxy the HIP peer did. */
static uint16_t server_port(const struct hp_flow *f)
{
	const struct hp_flow_key *key = hp_flow_key(f);

	return hp_flow_is_outbound(f) ? key->far_port : key->local_port;
}

/* The traffic class lies across the first two octets; no checksum covers it. */
static void set_tos6(uint8_t *ip, uint8_t tos)
{
	ip[0] = (uint8_t)((ip[0] & 0xf0) | tos >> 4);
	ip[1] = (uint8_t)((ip[1] & 0x0f) | tos << 4);
}

/* ---- hooks */

static enum hp_verdict mark_dscp(struct hp_instance *self, struct hp_packet *p)
{
	const struct settings *set = self->settings;
	struct area *area = hp_flow_area(p->flow, self->plugin);
	uint16_t port = server_port(p->flow);
	/* The lower two bits are ECN's (RFC 3168). */
	uint8_t tos = (uint8_t)(set->dscp << 2 | (p->tos & 3));

	if (port < set->ports.min || port > set->ports.max)
		return HP_NEXT;
	if (p->family == 4)
		set_tos4(p->data, tos);
	else
		set_tos6(p->data, tos);
	p->tos = tos;
	hp_count(&self->counters, MARKED);
	if (!area->marked++)
		hp_count(&self->counters, FLOWS);
	return HP_NEXT;
}

static const struct hp_hook hooks[] = {
	{ .name = "mark.dscp", .stage = HP_STAGE_OUT_FLOW, .fn = mark_dscp,
	  .help = "sets the DSCP" },
	{ .name = NULL }
};

/* ---- the plugin */

HP_PLUGIN(mark) = {
	HP_PLUGIN_HEAD,
	.name = "mark",
	.version = "2",
	.summary = "sets the DSCP of outbound packets",
	.schema = schema,
	.settings_bytes = sizeof(struct settings),
	.hooks = hooks,
	.counters = counters,
	.flow_area_bytes = sizeof(struct area),
};
