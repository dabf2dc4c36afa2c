/* SPDX-License-Identifier: MIT
 *
 * Records of plugins: arguments are checked here, kept they are elsewhere (hipproxy/record.h).
 */
#include "plugin/internal.h"

#include <errno.h>
#include <string.h>

static int check_key(const struct module *m, const void *key, size_t bytes)
{
	if (!key || !bytes || bytes > HP_RECORD_KEY_MAX)
		return -EINVAL;
	return m->reg->cfg.records ? 0 : -EOPNOTSUPP;
}

static bool is_new(const struct module *m, const void *key, size_t key_bytes)
{
	struct hp_record r;

	return m->reg->cfg.records->get(m->reg->cfg.ctx, m->self.plugin->name, key, key_bytes,
					&r) == -ENOENT;
}

int hp_record_put(struct hp_instance *self, const void *key, size_t key_bytes, uint8_t version,
		  const void *value, size_t value_bytes)
{
	struct module *m = hp_module_of(self);
	struct hp_record r = { .key = key, .value = value, .key_bytes = key_bytes,
			       .value_bytes = value_bytes, .version = version };
	int err = check_key(m, key, key_bytes);

	if (err)
		return err;
	if (value_bytes > HP_RECORD_VALUE_MAX)
		return -EMSGSIZE;
	if (value_bytes && !value)
		return -EINVAL;
	if (is_new(m, key, key_bytes) && hp_registry_records(self) >= HP_RECORDS_MAX) {
		m->counts.refused++;
		return -ENOBUFS;
	}
	return m->reg->cfg.records->put(m->reg->cfg.ctx, self->plugin->name, &r);
}

int hp_record_get(struct hp_instance *self, const void *key, size_t key_bytes, uint8_t *version,
		  void *value, size_t room)
{
	struct module *m = hp_module_of(self);
	int err = check_key(m, key, key_bytes);
	struct hp_record r;

	if (!err)
		err = m->reg->cfg.records->get(m->reg->cfg.ctx, self->plugin->name, key, key_bytes,
					       &r);
	if (err)
		return err;
	if (version)
		*version = r.version;
	if (value && room)
		memcpy(value, r.value, r.value_bytes < room ? r.value_bytes : room);
	return (int)r.value_bytes;
}

int hp_record_delete(struct hp_instance *self, const void *key, size_t key_bytes)
{
	struct module *m = hp_module_of(self);
	int err = check_key(m, key, key_bytes);

	return err ? err : m->reg->cfg.records->del(m->reg->cfg.ctx, self->plugin->name, key,
						    key_bytes);
}

struct visit {
	struct hp_instance *self;
	int (*fn)(struct hp_instance *self, void *ctx, const struct hp_record *r);
	void *ctx;
};

static int visit(void *arg, const struct hp_record *r)
{
	const struct visit *v = arg;

	return v->fn(v->self, v->ctx, r);
}

int hp_record_each(struct hp_instance *self,
		   int (*fn)(struct hp_instance *self, void *ctx, const struct hp_record *r),
		   void *ctx)
{
	const struct hp_registry *reg = hp_module_of(self)->reg;
	struct visit v = { self, fn, ctx };

	return reg->cfg.records ? reg->cfg.records->each(reg->cfg.ctx, self->plugin->name, visit,
							 &v) : -EOPNOTSUPP;
}

size_t hp_registry_records(const struct hp_instance *self)
{
	const struct hp_registry *reg = hp_module_of(self)->reg;

	return reg->cfg.records ? reg->cfg.records->count(reg->cfg.ctx, self->plugin->name) : 0;
}
