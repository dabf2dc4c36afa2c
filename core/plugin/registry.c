/* SPDX-License-Identifier: MIT
 *
 * The life of plugins: registered, settled (needs met, hooks ordered), started, reloaded,
 * stopped.
 */
#include "plugin/algs.h"
#include "plugin/internal.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const struct hp_plugin core_plugin = {
	HP_PLUGIN_HEAD,
	.name = "core",
	.version = "",
	.summary = "steps of the core",
};

__attribute__((format(printf, 5, 0)))
static void report_text(const struct hp_registry *reg, bool warning, const char *plugin,
			const char *key, const char *fmt, va_list ap)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (reg->cfg.report)
		reg->cfg.report(reg->cfg.ctx, warning, plugin, key, text);
}

void hp_plugin_complain(const struct hp_registry *reg, const char *plugin, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report_text(reg, false, plugin, "", fmt, ap);
	va_end(ap);
}

int hp_settings_complain(struct hp_instance *self, const char *key, const char *fmt, ...)
{
	const struct module *m = HP_CONTAINER(self, struct module, self);
	va_list ap;

	va_start(ap, fmt);
	report_text(m->reg, false, self->plugin->name, key, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

void hp_settings_warn(struct hp_instance *self, const char *key, const char *fmt, ...)
{
	const struct module *m = HP_CONTAINER(self, struct module, self);
	va_list ap;

	va_start(ap, fmt);
	report_text(m->reg, true, self->plugin->name, key, fmt, ap);
	va_end(ap);
}

struct hp_registry *hp_registry_new(const struct hp_registry_config *cfg)
{
	struct hp_registry *reg = calloc(1, sizeof(*reg));

	if (!reg)
		return NULL;
	reg->cfg = *cfg;
	reg->cfg.dir = strdup(cfg->dir ? cfg->dir : "");
	if (!reg->cfg.dir) {
		free(reg);
		return NULL;
	}
	return reg;
}

static void module_free(struct module *m)
{
	free(m->self.counters.values);
	free(m->self.drops.values);
	if (m->dl)
		dlclose(m->dl);
	free(m);
}

/* Whoever waits for the plugin is told before its state goes.  stop: it has been started. */
static void end(struct module *m, bool stop)
{
	m->alive = false;
	hp_asking_end(m);
	hp_rows_end_all(m);
	if (stop && m->self.plugin->stop)
		m->self.plugin->stop(&m->self);
	m->started = false;
	m->self.state = NULL;
	hp_plugin_things_free(m);
}

static void stop_all(struct hp_registry *reg)
{
	for (size_t i = reg->settled ? reg->n_plugins : 0; i-- > 0;)
		if (reg->order[i]->started)
			end(reg->order[i], true);
}

void hp_registry_free(struct hp_registry *reg)
{
	struct module *next;

	if (!reg)
		return;
	stop_all(reg);
	for (struct module *m = reg->modules; m; m = next) {
		next = m->next;
		module_free(m);
	}
	hp_services_free(reg);
	free(reg->open);
	free(reg->order);
	free((char *)reg->cfg.dir);
	free(reg);
}

/* ---- registering */

static void append(struct hp_registry *reg, struct module *m)
{
	struct module **at = &reg->modules;

	while (*at)
		at = &(*at)->next;
	*at = m;
	m->reg = reg;
	reg->settled = false;
}

static const struct module *module_find(const struct hp_registry *reg, const char *name)
{
	for (const struct module *m = reg->modules; m; m = m->next)
		if (!m->core && !strcmp(m->self.plugin->name, name))
			return m;
	return NULL;
}

static bool hook_is_there(const struct hp_registry *reg, enum hp_stage stage, const char *name)
{
	const struct stage *s = &reg->stages[stage];

	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->steps[i].hook->name, name))
			return true;
	return false;
}

static int hook_add(struct hp_registry *reg, const struct hp_hook *hook, struct module *m)
{
	struct stage *s = &reg->stages[hook->stage];

	if (hook_is_there(reg, hook->stage, hook->name))
		return -EEXIST;
	if (s->n == HP_STAGE_HOOKS)
		return -E2BIG;
	s->steps[s->n++] = (struct hp_step){ hook, &m->self };
	return 0;
}

int hp_registry_core_hook(struct hp_registry *reg, const struct hp_hook *hook, void *state)
{
	struct module *m;
	int err;

	if ((unsigned)hook->stage >= HP_STAGES)
		return -EINVAL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->core = true;
	hp_plugin_things_init(m);
	m->self.plugin = &core_plugin;
	m->self.state = state;
	err = hook_add(reg, hook, m);
	if (err)
		module_free(m);
	else
		append(reg, m);
	return err;
}

static int counters_init(struct hp_counters *c, const struct hp_counter *table)
{
	c->table = table;
	while (table && table[c->n].name)
		c->n++;
	if (!c->n)
		return 0;
	c->values = calloc(c->n, sizeof(*c->values));
	return c->values ? 0 : -ENOMEM;
}

static int read_settings(const struct hp_registry *reg, const struct hp_registry_config *cfg,
			 const struct hp_plugin *plugin, const void **out)
{
	static const struct hp_conf_row none[] = { HP_CONF_END };
	int err;

	*out = NULL;
	if (!cfg->settings)
		return 0;
	err = cfg->settings(cfg->ctx, plugin->name, plugin->schema ? plugin->schema : none,
			    plugin->settings_bytes, out);
	if (err && err != -EINVAL)
		hp_plugin_complain(reg, plugin->name, "its settings: %s", strerror(-err));
	return err;
}

static int add_hooks(struct hp_registry *reg, struct module *m)
{
	const struct hp_plugin *plugin = m->self.plugin;

	for (const struct hp_hook *h = plugin->hooks; h && h->name; h++) {
		int err = hook_add(reg, h, m);

		if (err) {
			hp_plugin_complain(reg, plugin->name, "hook %s: %s", h->name,
					   err == -EEXIST ? "another has this name" :
					   "its stage is full");
			return err;
		}
	}
	return 0;
}

/* Takes dl over. */
static int module_add(struct hp_registry *reg, const struct hp_plugin *plugin, void *dl)
{
	struct module *m = calloc(1, sizeof(*m));
	int err;

	if (!m) {
		if (dl)
			dlclose(dl);
		return -ENOMEM;
	}
	m->dl = dl;
	m->reg = reg;
	m->self.plugin = plugin;
	hp_plugin_things_init(m);
	err = hp_plugin_check(reg, plugin);
	if (!err)
		err = hp_algs_check(reg, plugin);
	if (!err)
		err = counters_init(&m->self.counters, plugin->counters);
	if (!err)
		err = counters_init(&m->self.drops, plugin->drops);
	if (!err)
		err = read_settings(reg, &reg->cfg, plugin, &m->self.settings);
	if (err) {
		module_free(m);
		return err;
	}
	/* From here on it is the registry's: hooks and services point to it. */
	append(reg, m);
	reg->n_plugins++;
	err = hp_services_add(reg, m);
	return err ? err : add_hooks(reg, m);
}

int hp_registry_add(struct hp_registry *reg, const struct hp_plugin *plugin)
{
	if (plugin->abi != HP_PLUGIN_ABI || plugin->size_bytes != sizeof(*plugin))
		return -ENOEXEC;
	if (module_find(reg, plugin->name))
		return -EEXIST;
	return module_add(reg, plugin, NULL);
}

/* ---- settling */

static int check_needs(const struct hp_registry *reg, const struct module *m)
{
	const char *name = m->self.plugin->name;
	int err = 0;

	for (const struct hp_need *n = m->self.plugin->needs; n && n->name; n++) {
		bool there = module_find(reg, n->name);

		if (n->kind == HP_NEED_REQUIRE && !there) {
			hp_plugin_complain(reg, name, "needs plugin %s, which is not loaded",
					   n->name);
			err = -ESRCH;
		} else if (n->kind == HP_NEED_CONFLICT && there) {
			hp_plugin_complain(reg, name, "can't be loaded together with plugin %s",
					   n->name);
			err = -ESRCH;
		}
	}
	return err;
}

static bool may_start(const struct hp_registry *reg, const struct module *m)
{
	for (const struct hp_need *n = m->self.plugin->needs; n && n->name; n++) {
		const struct module *other = module_find(reg, n->name);

		if (n->kind != HP_NEED_CONFLICT && other && !other->placed)
			return false;
	}
	return true;
}

/* The first as registered whose needs are placed. */
static struct module *next_to_start(struct hp_registry *reg)
{
	for (struct module *m = reg->modules; m; m = m->next)
		if (!m->core && !m->placed && may_start(reg, m))
			return m;
	return NULL;
}

static int order_plugins(struct hp_registry *reg)
{
	struct module *m;

	free(reg->order);
	reg->order = calloc(reg->n_plugins + 1, sizeof(struct module *));
	if (!reg->order)
		return -ENOMEM;
	for (m = reg->modules; m; m = m->next)
		m->placed = false;
	reg->area_bytes = 0;
	for (size_t i = 0; i < reg->n_plugins; i++) {
		m = next_to_start(reg);
		if (!m) {
			for (m = reg->modules; m->core || m->placed; m = m->next)
				;
			hp_plugin_complain(reg, m->self.plugin->name,
					   "is part of a ring of plugins that need each other");
			return -ELOOP;
		}
		m->placed = true;
		m->area_off = reg->area_bytes;
		/* Aligned for any type. */
		reg->area_bytes += (m->self.plugin->flow_area_bytes + 15) & ~(size_t)15;
		reg->order[i] = m;
	}
	return 0;
}

static int order_hooks(struct hp_registry *reg)
{
	char ring[512];

	for (int s = 0; s < HP_STAGES; s++) {
		struct stage *st = &reg->stages[s];

		if (!hp_stage_sort(st->steps, st->n, ring, sizeof(ring)))
			continue;
		hp_plugin_complain(reg, st->steps[0].self->plugin->name,
				   "stage %s has a ring of hooks: %s", hp_stage_name(s), ring);
		return -ELOOP;
	}
	return 0;
}

static int settle(struct hp_registry *reg)
{
	int err = 0;

	for (const struct module *m = reg->modules; m; m = m->next)
		if (!m->core && check_needs(reg, m))
			err = -ESRCH;
	if (!err)
		err = order_plugins(reg);
	if (!err)
		err = order_hooks(reg);
	reg->settled = !err;
	return err;
}

int hp_registry_load(struct hp_registry *reg, const char *const *names, size_t n)
{
	const struct hp_plugin *plugin;
	int err = 0, first = 0;
	void *dl;

	for (size_t i = 0; i < n; i++) {
		if (module_find(reg, names[i])) {
			hp_plugin_complain(reg, names[i], "is loaded already");
			err = -EEXIST;
		} else {
			err = hp_plugin_open(reg, names[i], &plugin, &dl);
			if (!err)
				err = module_add(reg, plugin, dl);
		}
		first = first ? first : err;
	}
	return first ? first : settle(reg);
}

static int check_settings(struct module *m, const void *settings)
{
	const struct hp_plugin *plugin = m->self.plugin;

	return plugin->check ? plugin->check(&m->self, settings) : 0;
}

int hp_registry_check(struct hp_registry *reg)
{
	int err = reg->settled ? 0 : settle(reg), one;

	for (size_t i = 0; reg->settled && i < reg->n_plugins; i++) {
		one = check_settings(reg->order[i], reg->order[i]->self.settings);
		err = err ? err : one;
	}
	reg->checked = !err;
	return err;
}

static int start_one(struct hp_registry *reg, struct module *m)
{
	int err = 0;

	m->alive = true;
	if (m->self.plugin->start)
		err = m->self.plugin->start(&m->self);
	err = err > 0 ? -EINVAL : err; /* no -errno: a mistake of the plugin */
	m->started = !err;
	if (!err)
		return 0;
	hp_plugin_complain(reg, m->self.plugin->name, "doesn't start: %s", strerror(-err));
	end(m, false);
	return err;
}

int hp_registry_start(struct hp_registry *reg)
{
	int err = reg->checked && reg->settled ? 0 : hp_registry_check(reg);

	for (size_t i = 0; !err && i < reg->n_plugins; i++) {
		struct module *m = reg->order[i];

		err = start_one(reg, m);
	}
	if (err)
		stop_all(reg);
	return err;
}

/* ---- reloading */

static bool is_same_set(const struct hp_registry *reg, const char *const *names, size_t n)
{
	if (n != reg->n_plugins)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!module_find(reg, names[i]))
			return false;
	return true;
}

static void roll_back(struct hp_registry *reg, size_t n)
{
	while (n-- > 0) {
		struct module *m = reg->order[n];

		if (m->self.plugin->reload && m->self.plugin->reload(&m->self, m->self.settings))
			hp_plugin_complain(reg, m->self.plugin->name,
					   "refuses its own old settings");
	}
}

int hp_registry_reload(struct hp_registry *reg, const struct hp_registry_config *cfg,
		       const char *const *names, size_t n)
{
	int err = 0, one;

	if (!is_same_set(reg, names, n)) {
		hp_plugin_complain(reg, "", "another set of plugins needs a restart");
		return -EBUSY;
	}
	for (size_t i = 0; i < reg->n_plugins; i++) {
		struct module *m = reg->order[i];

		one = read_settings(reg, cfg, m->self.plugin, &m->pending);
		if (!one)
			one = check_settings(m, m->pending);
		err = err ? err : one;
	}
	for (size_t i = 0; !err && i < reg->n_plugins; i++) {
		struct module *m = reg->order[i];

		if (m->self.plugin->reload)
			err = m->self.plugin->reload(&m->self, m->pending);
		if (err) {
			hp_plugin_complain(reg, m->self.plugin->name,
					   "refuses its new settings: %s", strerror(-err));
			roll_back(reg, i);
		}
	}
	for (size_t i = 0; !err && i < reg->n_plugins; i++)
		reg->order[i]->self.settings = reg->order[i]->pending;
	return err;
}
