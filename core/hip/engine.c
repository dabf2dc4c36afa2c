/* SPDX-License-Identifier: MIT
 *
 * The engine's own data, and the one exit for dropped messages.
 */
#include "hip/engine.h"

#include <stdlib.h>

#include <hipproxy/log.h>

#include "hip/names.h"
#include "util/wipe.h"
#include "wire/hip.h"

void hp_hip_unref(struct hp_hip *hip)
{
	if (--hip->refs)
		return;
	hp_wipe(&hip->key, sizeof(hip->key));
	free(hip);
}

void hp_hip_drop(struct hp_hip *hip, int reason, uint8_t type,
		 const struct hp_addr *peer_hit, const struct hp_path *path)
{
	struct hp_log_about about = { .limit = &hip->log_rate, .peer = peer_hit };
	char text[HP_ADDR_STRLEN];

	if (!reason)
		return;
	hp_count(&hip->counters, (size_t)reason);
	if (hip->ops.dropped)
		hip->ops.dropped(hip->ops.ctx, reason, peer_hit, path);
	if (!hp_log_on(HP_LOG_HIP, HP_LOG_DEBUG))
		return;
	about.reason = hp_hip_count_table()[reason].name;
	hp_log_about(HP_LOG_HIP, HP_LOG_DEBUG, &about, "%s from %s dropped: %s",
		     hp_hip_type_name(type), hp_addr_format(peer_hit, text),
		     hp_hip_count_table()[reason].help);
}

bool hp_hip_is_revoked(const struct hp_hip *hip, const struct hp_addr *hit)
{
	return hip->ops.revoked && hip->ops.revoked(hip->ops.ctx, hit);
}

const struct hp_hip_stranger *hp_hip_stranger(const struct hp_hip *hip, enum hp_hip_strange what)
{
	return &hip->strangers[what];
}

const struct hp_counters *hp_hip_counters(const struct hp_hip *hip)
{
	return &hip->counters;
}

struct hp_sadb *hp_hip_sadb(struct hp_hip *hip)
{
	return &hip->sadb;
}

size_t hp_hip_count(const struct hp_hip *hip)
{
	return hip->by_hits.count;
}
