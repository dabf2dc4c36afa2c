/* SPDX-License-Identifier: MIT
 *
 * Which services there are.
 */
#include "plugin/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *hp_service_kind_name(enum hp_service_kind kind)
{
	static const char *const names[HP_SERVICE_KINDS] = {
		[HP_SERVICE_RESOLVER] = "resolver", [HP_SERVICE_LOCATOR] = "locator",
		[HP_SERVICE_BACKEND] = "backend",
	};

	return (unsigned)kind < HP_SERVICE_KINDS ? names[kind] : "?";
}

struct hp_service *hp_service_find(const struct hp_registry *reg, enum hp_service_kind kind,
				   const char *name)
{
	for (struct hp_service *s = reg->services; s; s = s->next)
		if (s->kind == kind && !strcmp(s->name, name))
			return s;
	return NULL;
}

struct hp_service *hp_service_at(const struct hp_registry *reg, enum hp_service_kind kind, size_t i)
{
	for (struct hp_service *s = reg->services; s; s = s->next)
		if (s->kind == kind && !i--)
			return s;
	return NULL;
}

const char *hp_service_name(const struct hp_service *s)
{
	return s->name;
}

const struct hp_service_counts *hp_service_counts(const struct hp_service *s)
{
	return &s->counts;
}

struct hp_instance *hp_service_self(const struct hp_service *s)
{
	return &s->module->self;
}

enum hp_service_kind hp_service_kind(const struct hp_service *s)
{
	return s->kind;
}

struct hp_service *hp_service_next(const struct hp_registry *reg, const struct hp_service *s)
{
	return s ? s->next : reg->services;
}

const struct hp_backend_service *hp_service_backend(const struct hp_service *s)
{
	return s->row;
}

static int add(struct hp_registry *reg, struct module *m, enum hp_service_kind kind,
	       const char *name, const void *row)
{
	struct hp_service **at = &reg->services, *s;

	if (hp_service_find(reg, kind, name)) {
		hp_plugin_complain(reg, m->self.plugin->name, "%s %s: another has this name",
				   hp_service_kind_name(kind), name);
		return -EEXIST;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	*s = (struct hp_service){ .module = m, .row = row, .kind = kind, .name = name };
	while (*at)
		at = &(*at)->next;
	*at = s;
	return 0;
}

int hp_services_add(struct hp_registry *reg, struct module *m)
{
	const struct hp_plugin *p = m->self.plugin;
	int err = 0;

	for (const struct hp_resolver_service *s = p->resolvers; !err && s && s->name; s++)
		err = add(reg, m, HP_SERVICE_RESOLVER, s->name, s);
	for (const struct hp_locator_service *s = p->locators; !err && s && s->name; s++)
		err = add(reg, m, HP_SERVICE_LOCATOR, s->name, s);
	for (const struct hp_backend_service *s = p->backends; !err && s && s->name; s++)
		err = add(reg, m, HP_SERVICE_BACKEND, s->name, s);
	return err;
}

void hp_services_free(struct hp_registry *reg)
{
	struct hp_service *next;

	for (struct hp_service *s = reg->services; s; s = next) {
		next = s->next;
		free(s);
	}
	reg->services = NULL;
}
