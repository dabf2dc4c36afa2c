/* SPDX-License-Identifier: MIT
 *
 * mark: writes a DSCP (RFC 2474) into what legacy clients send through HIP.
 *
 * The smallest useful plugin, and the example to begin a new one with: one hook, settings, a
 * counter, an area in each flow.
 */
#include <stddef.h>

#include <hipproxy/plugin.h>

/* ---- settings */

struct settings {
	uint8_t dscp;
	struct hp_conf_ports ports;
};

static const struct hp_conf_row schema[] = {
	{ "dscp", HP_CONF_INT, HP_CONF_REQUIRED, HP_CONF_AT(struct settings, dscp), 0, 63,
	  .help = "the codepoint to write" },
	{ "ports", HP_CONF_PORTS, 0, HP_CONF_AT(struct settings, ports),
	  .help = "only connections to these ports" },
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

/* RFC 1624, equation 3, for the 16-bit word that holds version, header length and TOS. */
static void set_tos4(uint8_t *ip, uint8_t tos)
{
	uint32_t sum = (uint16_t)~(ip[10] << 8 | ip[11]);

	sum += (uint16_t)~(ip[0] << 8 | ip[1]);
	sum += (uint32_t)(ip[0] << 8 | tos);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffff;
	ip[1] = tos;
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
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
	struct area *area = p->flow ? hp_flow_area(p->flow, self->plugin) : NULL;
	/* The lower two bits are ECN's (RFC 3168). */
	uint8_t tos = (uint8_t)(set->dscp << 2 | (p->tos & 3));

	if (p->dport < set->ports.min || p->dport > set->ports.max)
		return HP_NEXT;
	if (p->family == 4)
		set_tos4(p->data, tos);
	else
		set_tos6(p->data, tos);
	p->tos = tos;
	hp_count(&self->counters, MARKED);
	if (area && !area->marked++)
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
	.version = "1",
	.summary = "sets the DSCP of outbound packets",
	.schema = schema,
	.settings_bytes = sizeof(struct settings),
	.hooks = hooks,
	.counters = counters,
	.flow_area_bytes = sizeof(struct area),
};
