/* SPDX-License-Identifier: MIT
 *
 * The limits of the pipeline and of the engine: for reports, and those that bite for doctor.
 */
#include "daemon/daemon.h"

#include <inttypes.h>

#include "pipe/limits.h"

#define LIMITS (HP_PIPE_LIMIT_MAX + 1)

static void row_at(const struct hp_daemon *d, int i, struct hp_limit_row *out)
{
	if (i < HP_PIPE_LIMIT_MAX) {
		hp_pipe_limit_row(d->pipe, (enum hp_pipe_limit)i, out);
		return;
	}
	*out = (struct hp_limit_row){
		.name = "associations", .setting = "limits.associations",
		.help = "HIP associations", .used = hp_hip_count(d->hip),
		.most = d->conf->limits.associations, .limit = hp_hip_room(d->hip),
	};
}

static json_t *row_json(const struct hp_daemon *d, const struct hp_limit_row *r)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:b}", "name", r->name, "setting",
			      r->setting, "help", r->help, "used", (json_int_t)r->used, "most",
			      (json_int_t)r->most, "refused", (json_int_t)r->limit->refused,
			      "reached", hp_limit_bites(r->limit));

	if (o && hp_limit_bites(r->limit))
		json_object_set_new(o, "since_s",
				    json_integer((json_int_t)(hp_clock_ms(&d->clock) -
							      r->limit->since_ms) / 1000));
	return o;
}

json_t *hp_daemon_limits_json(const struct hp_daemon *d)
{
	json_t *list = json_array();
	struct hp_limit_row r;

	for (int i = 0; i < LIMITS; i++) {
		row_at(d, i, &r);
		json_array_append_new(list, row_json(d, &r));
	}
	return list;
}

void hp_daemon_limits_judge(const struct hp_daemon *d, struct hp_findings *out)
{
	struct hp_limit_row r;

	for (int i = 0; i < LIMITS; i++) {
		row_at(d, i, &r);
		if (!hp_limit_bites(r.limit))
			continue;
		hp_cure(hp_find(out, HP_CAUSE_LIMIT, HP_SEV_WARNING,
				"a limit is reached: %s, at most %" PRIu64 "; %" PRIu64
				" were refused or gave way to others since the start", r.help, r.most,
				r.limit->refused),
			"hipproxyctl flows   # who has so many? Then raise %s", r.setting);
	}
}
