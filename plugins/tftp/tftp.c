/* SPDX-License-Identifier: MIT
 *
 * tftp: application-level gateway for TFTP (RFC 1350; options RFC 2347 to 2349).
 *
 * A server answers a request from a new port of its own (RFC 1350, section 4), so the answer is no
 * packet of the request's flow.  The gateway announces it: exactly one conversation, to the port
 * that the request came from.  Options stand in the payload and need no translation.
 */
#include <hipproxy/plugin.h>

#define UDP 17

/* ---- settings */

struct settings {
	struct hp_conf_ints ports;
	uint32_t timeout_s;
};

static const struct hp_conf_row schema[] = {
	{ "ports", HP_CONF_INTS, 0, HP_CONF_AT(struct settings, ports), 1, 65535, .def = "69",
	  .help = "ports to which requests are sent" },
	{ "timeout_s", HP_CONF_INT, 0, HP_CONF_AT(struct settings, timeout_s), 1, 300, .def = "30",
	  .help = "how long the answer to a request is waited for" },
	HP_CONF_END
};

/* ---- counters */

enum { READS, WRITES, OTHER, REFUSED };

static const struct hp_counter counters[] = {
	[READS] = { "reads", "read requests" },
	[WRITES] = { "writes", "write requests" },
	[OTHER] = { "other", "datagrams of clients that are no request: forwarded unchanged" },
	[REFUSED] = { "refused", "answers that could not be announced" },
	{ NULL, NULL }
};

/* ---- requests */

enum { RRQ = 1, WRQ = 2 };

/* RFC 1350, section 5: an opcode of two octets, the file's name and the mode. */
static unsigned int opcode(const uint8_t *data, size_t len)
{
	return len < 2 ? 0 : data[0] << 8 | data[1];
}

/* To the legacy client's port, or to the port by which a legacy server knows the client. */
static int announce(struct hp_alg_call *c)
{
	const struct settings *set = c->self->settings;
	struct hp_expectation e = {
		.kind = c->outbound ? HP_EXPECT_PEER : HP_EXPECT_LEGACY,
		.port = c->outbound ? c->key->legacy_port : c->key->far_port,
		.hip_port = c->outbound ? c->key->local_port : c->key->peer_port,
		.flow_flags = hp_flow_flags(c->flow),
		.timeout_ms = set->timeout_s * 1000,
	};

	return hp_expect(c->self, c->flow, &e);
}

static enum hp_verdict datagram(struct hp_alg_call *c, const uint8_t *data, size_t len,
				struct hp_alg_out *out)
{
	unsigned int op = opcode(data, len);

	(void)out;
	if (!c->from_client)
		return HP_NEXT;
	if (op != RRQ && op != WRQ) {
		hp_count(&c->self->counters, OTHER);
		return HP_NEXT;
	}
	hp_count(&c->self->counters, op == RRQ ? READS : WRITES);
	if (announce(c))
		hp_count(&c->self->counters, REFUSED);
	return HP_NEXT;
}

static const struct hp_alg algs[] = {
	{ .name = "tftp.request", .proto = UDP, .ports_offset = HP_ALG_PORTS(struct settings, ports),
	  .datagram = datagram, .help = "requests, whose answers come from another port" },
	{ .name = NULL }
};

/* ---- the plugin */

HP_PLUGIN(tftp) = {
	HP_PLUGIN_HEAD,
	.name = "tftp",
	.version = "1",
	.summary = "TFTP through HIP, with any setting of filtering",
	.schema = schema,
	.settings_bytes = sizeof(struct settings),
	.counters = counters,
	.algs = algs,
};
