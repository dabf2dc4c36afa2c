/* SPDX-License-Identifier: MIT
 *
 * Metrics of plugins (hipproxy/command.h): the values are asked for when somebody wants them.
 */
#include "plugin/internal.h"
#include "plugin/command.h"

#include <math.h>

struct hp_metric_out {
	const struct hp_metric *m;
	struct module *module;
	size_t rows;
	void (*put)(void *ctx, double value, const char *const *labels);
	void *ctx;
};

void hp_metric_put(struct hp_metric_out *out, double value, const char *const *labels)
{
	static const char *const none[] = { NULL };

	for (size_t i = 0; out->m->labels && out->m->labels[i]; i++)
		if (!labels || !labels[i]) {
			out->module->counts.refused++;
			return;
		}
	if (out->rows == HP_METRIC_ROWS || !isfinite(value)) {
		out->module->counts.refused++;
		return;
	}
	out->rows++;
	out->put(out->ctx, value, labels ? labels : none);
}

void hp_registry_read_metric(struct hp_instance *self, const struct hp_metric *m,
			     void (*put)(void *ctx, double value, const char *const *labels),
			     void *ctx)
{
	struct hp_metric_out out = { m, hp_module_of(self), 0, put, ctx };

	if (out.module->started)
		m->read(self, m, &out);
}
