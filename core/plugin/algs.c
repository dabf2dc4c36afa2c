/* SPDX-License-Identifier: MIT
 *
 * Gateways of plugins (hipproxy/alg.h): are their tables sound, and which one has a port?
 */
#include "plugin/algs.h"

#include <errno.h>
#include <string.h>

#include "plugin/internal.h"

#define TCP 6
#define UDP 17

static const char *wrong_name(const struct hp_plugin *plugin, const char *name)
{
	size_t n = strlen(plugin->name);

	if (strncmp(name, plugin->name, n) || name[n] != '.' || !name[n + 1])
		return "its name must be PLUGIN.WHAT";
	return NULL;
}

static const char *wrong_functions(const struct hp_alg *a)
{
	if (a->proto != TCP && a->proto != UDP)
		return "proto must be 6 (TCP) or 17 (UDP)";
	if (a->proto == TCP && (!a->stream || a->datagram))
		return "for TCP it needs the function stream, and no other";
	if (a->proto == UDP && (!a->datagram || a->stream))
		return "for UDP it needs the function datagram, and no other";
	return NULL;
}

static const char *wrong_ports(const struct hp_plugin *plugin, const struct hp_alg *a)
{
	for (const struct hp_conf_row *r = plugin->schema; r && r->name; r++)
		if (r->type == HP_CONF_INTS && r->offset == a->ports_offset)
			return r->min < 1 || r->max > 65535 ? "its ports' setting must have the range 1 to 65535" :
							      NULL;
	return "the schema has no HP_CONF_INTS row at ports_offset";
}

static const char *wrong_numbers(const struct hp_alg *a)
{
	if (a->hold_bytes > HP_ALG_HOLD_MAX)
		return "hold_bytes is above 65536";
	if (a->hold_bytes && a->proto == UDP)
		return "a datagram is never held: hold_bytes must be 0";
	if (a->expect_per_flow > HP_ALG_EXPECT_MAX)
		return "expect_per_flow is above 256";
	if (a->expect_all > HP_ALG_EXPECT_LIMIT)
		return "expect_all is above 16384";
	return NULL;
}

static int check(const struct hp_registry *reg, const struct hp_plugin *plugin,
		 const struct hp_alg *a)
{
	const char *why = wrong_name(plugin, a->name);

	if (!why)
		why = wrong_functions(a);
	if (!why)
		why = wrong_ports(plugin, a);
	if (!why)
		why = wrong_numbers(a);
	if (!why)
		return 0;
	hp_plugin_complain(reg, plugin->name, "gateway %s: %s", a->name, why);
	return -EINVAL;
}

int hp_algs_check(const struct hp_registry *reg, const struct hp_plugin *plugin)
{
	int err = 0;

	for (const struct hp_alg *a = plugin->algs; a && a->name; a++)
		if (check(reg, plugin, a))
			err = -EINVAL;
	return err;
}

static bool has_port(const struct hp_instance *self, const struct hp_alg *a, uint16_t port)
{
	const struct hp_conf_ints *ports;

	if (!self->settings)
		return false;
	ports = (const void *)((const uint8_t *)self->settings + a->ports_offset);
	for (size_t i = 0; i < ports->n; i++)
		if (ports->at[i] == port)
			return true;
	return false;
}

const struct hp_alg *hp_registry_alg(const struct hp_registry *reg, uint8_t proto, uint16_t port,
				     struct hp_instance **self)
{
	for (size_t i = 0; reg->settled && i < reg->n_plugins; i++) {
		struct module *m = reg->order[i];

		for (const struct hp_alg *a = m->self.plugin->algs; a && a->name; a++)
			if (m->started && a->proto == proto && has_port(&m->self, a, port)) {
				*self = &m->self;
				return a;
			}
	}
	return NULL;
}
