/* SPDX-License-Identifier: MIT
 *
 * See nat.h.
 */
#include "nat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/registry.h"

extern const struct hp_plugin hipproxy_plugin_natudp;

/* What a side's plugin is given. */
static struct nat {
	struct side *s;
	enum natudp_mode mode;
	uint16_t port;
	uint32_t keepalive_s;
	uint64_t settings[8]; /* by the plugin's schema */
	unsigned open;
} nats[2];

static void fill(const struct nat *n, const struct hp_conf_row *rows, uint8_t *out)
{
	for (const struct hp_conf_row *r = rows; r->name; r++) {
		uint8_t *at = out + r->offset;
		int mode = n->mode;

		if (!strcmp(r->name, "mode"))
			memcpy(at, &mode, sizeof(mode));
		else if (!strcmp(r->name, "port"))
			memcpy(at, &n->port, sizeof(n->port));
		else if (!strcmp(r->name, "keepalive_s"))
			memcpy(at, &n->keepalive_s, sizeof(n->keepalive_s));
	}
}

static int settings(void *ctx, const char *plugin, const struct hp_conf_row *rows, size_t bytes,
		    const void **out)
{
	struct nat *n = ctx;

	(void)plugin;
	if (bytes > sizeof(n->settings))
		return -ENOMEM;
	memset(n->settings, 0, sizeof(n->settings));
	fill(n, rows, (uint8_t *)n->settings);
	*out = n->settings;
	return 0;
}

static int port_open(void *ctx, uint16_t number, struct hp_outer_port **out)
{
	struct nat *n = ctx;

	(void)number;
	n->open++;
	*out = malloc(1); /* a sanitizer sees who forgets it */
	return *out ? 0 : -ENOMEM;
}

static void port_close(void *ctx, struct hp_outer_port *port)
{
	((struct nat *)ctx)->open--;
	free(port);
}

static void changed(void *ctx)
{
	hp_hip_offers_changed(((struct nat *)ctx)->s->hip);
}

static int each(void *ctx, int (*fn)(struct hp_assoc *a, void *arg), void *arg)
{
	struct side *s = ((struct nat *)ctx)->s;

	return s->hip ? hp_hip_each(s->hip, fn, arg) : 0;
}

static uint64_t now_ms(void *ctx)
{
	return ((struct nat *)ctx)->s->w->now_us / 1000;
}

static void complain(void *ctx, bool warning, const char *plugin, const char *key,
		     const char *text)
{
	(void)ctx, (void)warning;
	fprintf(stderr, "plugins.%s %s: %s\n", plugin, key, text);
}

static const struct hp_registry_outer outer = {
	.open = port_open, .close = port_close, .changed = changed, .each = each,
};

static void made(struct side *s)
{
	struct nat *n = &nats[s->at];
	struct hp_registry_config cfg = { .now_ms = now_ms, .report = complain,
					  .settings = settings, .outer = &outer,
					  .timers = &s->w->timers, .ctx = n };
	struct hp_transport_ref t;

	n->s = s;
	s->registry = hp_registry_new(&cfg);
	if (!s->registry || hp_registry_add(s->registry, &hipproxy_plugin_natudp) ||
	    hp_registry_start(s->registry) || !hp_registry_transport(s->registry, &t))
		abort();
	hp_hip_set_transport(s->hip, t.table, t.self);
}

void nat_plug(struct world *w, int at, enum natudp_mode mode, uint16_t port,
	      uint32_t keepalive_ms)
{
	nats[at] = (struct nat){ .s = &w->s[at], .mode = mode, .port = port,
				 .keepalive_s = keepalive_ms / 1000 };
	w->s[at].made = made;
}

int nat_mode(struct world *w, int at, enum natudp_mode mode)
{
	static const char *const names[] = { "off", "plain-udp", "auto" };
	struct hp_transport_ref t;

	if (!hp_registry_transport(w->s[at].registry, &t))
		abort();
	return t.table->mode(t.self, names[mode]);
}

static int count_udp(struct hp_assoc *a, void *arg)
{
	if (hp_assoc_path(a)->dport)
		(*(size_t *)arg)++;
	return 0;
}

size_t nat_count(struct world *w, int at)
{
	size_t n = 0;

	hp_hip_each(w->s[at].hip, count_udp, &n);
	return n;
}

bool nat_is_open(const struct world *w, int at)
{
	(void)w;
	return nats[at].open;
}
