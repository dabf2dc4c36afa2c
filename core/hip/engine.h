/* SPDX-License-Identifier: MIT
 *
 * The engine's own data: configuration, tables, rate limits, counters.
 *
 * A message takes two steps.  On the loop it is admitted by the cheap checks: HITs, state,
 * puzzle, parameters, and the MAC where keys exist.  Then a job with copies of everything it
 * needs does the public-key work.  Its result comes back to the loop, where the state may have
 * changed meanwhile and is checked again.
 *
 * Functions that judge a message return 0 or the drop reason of enum hp_hip_count (positive).
 */
#ifndef HP_HIP_ENGINE_H
#define HP_HIP_ENGINE_H

#include <hipproxy/tokens.h>

#include "hip/hip.h"
#include "hip/numbers.h"
#include "util/hash.h"
#include "util/limit.h"
#include "util/list.h"

struct hp_sent_how;

struct hp_hip {
	struct hp_hip_config cfg;
	struct hp_hip_ops ops;
	const struct hp_clock *clock;
	const struct hp_rand *rand;
	struct hp_timers *timers;
	const struct hp_sent_how *update_how; /* of UPDATEs that await an answer; hip.c sets it */
	unsigned refs; /* one for the owner, one for each job */
	bool dying, shutting;
	struct hp_hash_key key;
	struct hp_list identities, assocs, walks, opps, asking;
	size_t n_asking;
	size_t n_reserved, n_reserved_assocs; /* configured peers, associations of such */
	struct hp_limit room;
	struct hp_htab by_hits, known, pending, used;
	struct hp_htab spots; /* spot.c: known addresses of peers */
	struct hp_sadb sadb;
	struct hp_htab outs; /* outbound SAs by SPI; peers choose SPIs, so two may be equal */
	struct {
		const struct hp_transport *table; /* NULL: no plugin chooses paths */
		struct hp_instance *self;
	} transport;
	uint64_t generation;
	uint32_t cfg_epoch; /* changes with the configuration */
	uint8_t k_now;
	uint32_t i1_count, i2_count, full_count; /* in this second */
	struct hp_timer t_second;
	struct hp_tokens r1_rate[HP_R1_BUCKETS], hint_at[HP_HINT_BUCKETS];
	struct hp_tokens notify_rate, notify_in_rate, restart_rate, log_rate,
		stranger_rate, error_rate, hint_rate, problem_rate;
	struct hp_hip_stranger strangers[HP_STRANGERS];
	uint64_t values[HP_HIPC_MAX];
	struct hp_counters counters;
};

static inline uint64_t hp_hip_now(const struct hp_hip *hip)
{
	return hp_clock_ms(hip->clock);
}

/* Counts the reason and logs it at level debug.  Nothing for 0.  path may be NULL. */
void hp_hip_drop(struct hp_hip *hip, int reason, uint8_t type,
		 const struct hp_addr *peer_hit, const struct hp_path *path);
void hp_hip_unref(struct hp_hip *hip);

#endif
