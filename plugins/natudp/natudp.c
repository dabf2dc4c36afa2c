/* SPDX-License-Identifier: MIT
 *
 * natudp: HIP and ESP in UDP, so that they pass NATs (RFC 5770, mode UDP-ENCAPSULATION).
 *
 * Sockets, choice of path, negotiation and keepalives are the core's service
 * (hipproxy/transport.h), for they sit where no hook is.  The plugin owns the settings, turns
 * the service on and off, and tells how associations travel.
 */
#include <stddef.h>

#include <hipproxy/plugin.h>

/* ---- settings */

struct settings {
	int mode; /* enum hp_transport_mode */
	uint16_t port;
	uint32_t keepalive_s;
};

static const char *const modes[] = { "off", "plain-udp", "auto", NULL };

static const struct hp_conf_row schema[] = {
	{ "mode", HP_CONF_ENUM, 0, HP_CONF_AT(struct settings, mode), .def = "auto",
	  .names = modes, .help = "when UDP is used" },
	{ "port", HP_CONF_INT, 0, HP_CONF_AT(struct settings, port), 1, 65535, .def = "10500",
	  .help = "UDP port of this machine and of its peers" },
	{ "keepalive_s", HP_CONF_INT, 0, HP_CONF_AT(struct settings, keepalive_s), 1, 3600,
	  .def = "15", .help = "a peer gets a keepalive after this time without traffic" },
	HP_CONF_END
};

/* ---- counters */

enum { UDP, NATIVE, MOVED };

static const struct hp_counter counters[] = {
	[UDP] = { "udp", "associations that came up in UDP" },
	[NATIVE] = { "native", "associations that came up without" },
	[MOVED] = { "moved", "associations that changed to another address, port or transport" },
	{ NULL, NULL }
};

/* ---- events */

static void up(struct hp_instance *self, const struct hp_event_info *info)
{
	hp_count(&self->counters, hp_assoc_path(info->assoc)->dport ? UDP : NATIVE);
}

static void moved(struct hp_instance *self, const struct hp_event_info *info)
{
	(void)info;
	hp_count(&self->counters, MOVED);
}

static const struct hp_event_sub events[] = {
	{ "natudp.up", HP_EVENT_ASSOC_UP, up },
	{ "natudp.moved", HP_EVENT_LOCATOR_CHANGED, moved },
	{ .name = NULL }
};

/* ---- start and stop */

static int apply(struct hp_instance *self, const struct settings *set)
{
	struct hp_transport t = {
		.mode = (enum hp_transport_mode)set->mode,
		.port = set->port,
		.keepalive_ms = set->keepalive_s * 1000,
	};

	return hp_transport_set(self, &t);
}

static int start(struct hp_instance *self)
{
	return apply(self, self->settings);
}

static int reload(struct hp_instance *self, const void *settings)
{
	return apply(self, settings);
}

static void stop(struct hp_instance *self)
{
	struct hp_transport off = { .mode = HP_TRANSPORT_NATIVE };

	hp_transport_set(self, &off);
}

/* ---- the plugin */

HP_PLUGIN(natudp) = {
	HP_PLUGIN_HEAD,
	.name = "natudp",
	.version = "1",
	.summary = "HIP and ESP in UDP, through NATs",
	.schema = schema,
	.settings_bytes = sizeof(struct settings),
	.events = events,
	.counters = counters,
	.start = start,
	.reload = reload,
	.stop = stop,
};
