/* SPDX-License-Identifier: MIT
 *
 * What the schema can't say of the settings.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/plugin.h>

#include "pool.h"
#include "settings.h"

static const char *key_at(char key[64], const char *list, size_t i, const char *member)
{
	snprintf(key, 64, "%s[%zu].%s", list, i, member);
	return key;
}

static bool is_in(const struct hp_prefix *p, const struct hp_addr *a)
{
	return p->bits && hp_prefix_contains(p, a);
}

static void check_hosted(struct hp_instance *self, const struct settings *s, size_t i, int *err)
{
	const struct hosted_row *row = server_hosted_at(s, i);
	bool v4 = hp_addr_is4(&row->server);
	struct hp_addr hit;
	char key[64];
	int found = hp_identity_lookup(self, row->identity, &hit);

	key_at(key, "hosted", i, "identity");
	if (found == -EBUSY)
		*err = hp_settings_complain(self, key, "\"%s\" is the client's or the host's role "
					    "already; expected another identity", row->identity);
	else if (found)
		*err = hp_settings_complain(self, key, "expected a name in `identities`, not \"%s\"",
					    row->identity);
	for (size_t k = 0; k < i; k++)
		if (!strcmp(server_hosted_at(s, k)->identity, row->identity))
			*err = hp_settings_complain(self, key, "\"%s\" is hosted already",
						    row->identity);
	key_at(key, "hosted", i, "server");
	if (!(v4 ? s->pool4 : s->pool6).bits)
		*err = hp_settings_complain(self, key, "an %s server needs %s",
					    v4 ? "IPv4" : "IPv6", v4 ? "pool4" : "pool6");
	else if (is_in(v4 ? &s->pool4 : &s->pool6, &row->server))
		*err = hp_settings_complain(self, key, "expected an address outside %s",
					    v4 ? "pool4" : "pool6");
}

static void check_ports(struct hp_instance *self, const struct settings *s, size_t i, int *err)
{
	const struct hosted_row *row = server_hosted_at(s, i);
	const struct port_row *p = row->ports.at;
	char key[64];

	for (size_t k = 0; k < row->ports.n; k++) {
		snprintf(key, sizeof(key), "hosted[%zu].ports[%zu].to", i, k);
		if (p[k].to && p[k].to + (p[k].ports.max - p[k].ports.min) > 65535)
			*err = hp_settings_complain(self, key, "expected at most %d, so that the "
						    "last port is below 65536",
						    65535 - (p[k].ports.max - p[k].ports.min));
	}
}

static void check_pools(struct hp_instance *self, const struct settings *s, int *err)
{
	if (s->pool4.bits && !hp_addr_is4(&s->pool4.addr))
		*err = hp_settings_complain(self, "pool4", "expected an IPv4 prefix");
	if (s->pool6.bits && hp_addr_is4(&s->pool6.addr))
		*err = hp_settings_complain(self, "pool6", "expected an IPv6 prefix");
}

static bool has_client(const struct settings *s, const char *name, size_t n)
{
	const struct client_row *c = s->clients.at;

	for (size_t i = 0; i < n; i++)
		if (!strcmp(c[i].name, name))
			return true;
	return false;
}

static bool has_hosted(const struct settings *s, const char *name)
{
	for (size_t i = 0; i < s->hosted.n; i++)
		if (!strcmp(server_hosted_at(s, i)->identity, name))
			return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	const struct client_row *const *ca = a, *const *cb = b;
	int d = strcmp((*ca)->name, (*cb)->name);

	return d ? d : (*ca > *cb) - (*ca < *cb);
}

/* A second client of a name would have no rules: they are for the first. */
static void check_clients(struct hp_instance *self, const struct settings *s, int *err)
{
	const struct client_row *rows = s->clients.at, **sorted;
	char key[64];

	sorted = calloc(s->clients.n + 1, sizeof(*sorted));
	if (!sorted) {
		*err = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < s->clients.n; i++)
		sorted[i] = &rows[i];
	qsort(sorted, s->clients.n, sizeof(*sorted), by_name);
	for (size_t i = 1; i < s->clients.n; i++)
		if (!strcmp(sorted[i]->name, sorted[i - 1]->name))
			*err = hp_settings_complain(self, key_at(key, "clients",
						    (size_t)(sorted[i] - rows), "name"),
						    "another client has this name");
	free(sorted);
}

static bool is_any_port(const struct hp_conf_ports *p)
{
	return !p->min && p->max == 65535;
}

static void check_rule(struct hp_instance *self, const struct settings *s, size_t i, int *err)
{
	const struct rule_row *row = (const struct rule_row *)s->rules.at + i;
	struct hp_addr hit;
	char key[64];

	if (*row->client && (hp_addr_parse(row->client, &hit) || !hp_addr_is_hit(&hit)) &&
	    !has_client(s, row->client, s->clients.n))
		*err = hp_settings_complain(self, key_at(key, "rules", i, "client"),
					    "expected a HIT, or a name in `clients`, not \"%s\"",
					    row->client);
	if (*row->identity && !has_hosted(s, row->identity))
		*err = hp_settings_complain(self, key_at(key, "rules", i, "identity"),
					    "expected an identity in `hosted`, not \"%s\"",
					    row->identity);
	if (server_protos[row->proto] && !server_has_ports(server_protos[row->proto]) && !is_any_port(&row->ports))
		*err = hp_settings_complain(self, key_at(key, "rules", i, "ports"),
					    "%s has no ports; expected protocol = \"tcp\" or "
					    "\"udp\" beside it", server_proto_names[row->proto]);
}

static void check_mapping(struct hp_instance *self, const struct settings *s, int *err)
{
	size_t line;
	int bad = pool_try(&s->pool4, &s->pool6, s->mapping, &line);

	if (bad == -EINVAL)
		*err = hp_settings_complain(self, "mapping", "%s:%zu: expected HIT ADDRESS, each "
					    "once", s->mapping, line);
	else if (bad)
		*err = hp_settings_complain(self, "mapping", "%s: %s", s->mapping,
					    strerror(-bad));
}

int server_check(struct hp_instance *self, const void *settings)
{
	const struct settings *s = settings;
	int err = 0;

	check_pools(self, s, &err);
	for (size_t i = 0; i < s->hosted.n; i++) {
		check_hosted(self, s, i, &err);
		check_ports(self, s, i, &err);
	}
	check_clients(self, s, &err);
	for (size_t i = 0; i < s->rules.n; i++)
		check_rule(self, s, i, &err);
	if (!err)
		check_mapping(self, s, &err);
	if (*s->answer_on && !if_nametoindex(s->answer_on))
		hp_settings_warn(self, "answer_on", "there is no interface \"%s\" now",
				 s->answer_on);
	return err;
}
