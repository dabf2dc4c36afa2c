/* SPDX-License-Identifier: MIT
 *
 * Room for associations: what is kept for peers of the configuration, and who gives way in a full
 * table.
 *
 * Peers that the configuration does not name (strangers) may fill the table except for the places
 * kept for peers that it names.  A new association takes the place of one that is not needed: first an
 * exchange that failed or is ending, then one of a stranger without traffic, idle longest.  An
 * association that carries data is never removed.
 */
#include "hip/room.h"

#include <errno.h>

#include <hipproxy/log.h>

#include "hip/assoc.h"
#include "hip/known.h"

#define LOOK_AT	    64u	   /* associations in one search */
#define AT_ONCE	    256u   /* associations that give way for one */
#define IN_USE_MS   60000u /* without flows (host role), data in this time counts as use */

void hp_hip_known_reserve(struct hp_hip *hip, const struct hp_addr *hit)
{
	struct hp_list *n;

	if (!hp_known_reserve(hip, hit))
		return;
	HP_LIST_EACH(n, &hip->identities)
	{
		const struct hp_identity *id = HP_CONTAINER(n, struct hp_identity, node);
		struct hp_assoc *a = hp_hip_find(hip, &id->hit, hit);

		if (a)
			hp_assoc_reserve(a, true);
	}
}

void hp_room_forget(struct hp_hip *hip)
{
	struct hp_list *n;

	hip->n_reserved = 0;
	HP_LIST_EACH(n, &hip->assocs)
	hp_assoc_reserve(HP_CONTAINER(n, struct hp_assoc, place.all), false);
}

/* Places that are kept: never more than half of the table. */
static size_t kept(const struct hp_hip *hip)
{
	size_t half = hip->cfg.max_associations / 2;

	return hip->n_reserved < half ? hip->n_reserved : half;
}

/* Strangers' associations, and how many there may be. */
static size_t strangers(const struct hp_hip *hip, size_t *most)
{
	*most = hip->cfg.max_associations - kept(hip);
	return hip->by_hits.count - hip->n_reserved_assocs;
}

static bool has_room(const struct hp_hip *hip, bool reserved)
{
	size_t most, n = strangers(hip, &most);

	return hip->by_hits.count < hip->cfg.max_associations && (reserved || n < most);
}

/* ---- who gives way */

static uint64_t last_used(const struct hp_assoc *a)
{
	uint64_t last = hp_traffic_last(&a->traffic);

	return last > a->traffic.created_ms ? last : a->traffic.created_ms;
}

static bool in_use(const struct hp_assoc *a)
{
	const struct hp_hip *hip = a->hip;

	if (a->base.busy || a->seq.signing)
		return true;
	if (hip->ops.in_use && hip->ops.in_use(hip->ops.ctx, a))
		return true;
	return hp_assoc_is_up(a) && hp_hip_now(hip) - last_used(a) < IN_USE_MS;
}

/* 0: it stays. */
static unsigned dispensable(const struct hp_assoc *a)
{
	if (a->place.reserved)
		return 0;
	switch (a->state) {
	case HP_UNASSOCIATED:
	case HP_E_FAILED:
	case HP_CLOSED:
	case HP_CLOSING:
		return 3;
	case HP_I1_SENT:
		return 2;
	default:
		return in_use(a) ? 0 : 1;
	}
}

/* Examined associations go to the end of the list, so that the next search sees others. */
static struct hp_assoc *find_victim(struct hp_hip *hip)
{
	struct hp_assoc *best = NULL;
	unsigned most = 0;

	for (size_t i = 0; i < LOOK_AT && i < hip->by_hits.count && most < 3; i++) {
		struct hp_assoc *a =
			HP_CONTAINER(hp_list_first(&hip->assocs), struct hp_assoc, place.all);
		unsigned d = dispensable(a);

		hp_list_del(&a->place.all);
		hp_list_add_tail(&hip->assocs, &a->place.all);
		if (d > most || (d && d == most && last_used(a) < last_used(best))) {
			most = d;
			best = a;
		}
	}
	return best;
}

/* ---- the limit */

static void tell(struct hp_hip *hip, bool reached)
{
	if (hip->ops.limit)
		hip->ops.limit(hip->ops.ctx, "limits.associations", NULL, reached);
}

static void bites(struct hp_hip *hip)
{
	struct hp_log_about about = { .reason = "associations" };

	if (!hp_limit_hit(&hip->room, hp_hip_now(hip)))
		return;
	tell(hip, true);
	hp_log_about(HP_LOG_HIP, HP_LOG_WARNING, &about,
		     "limit reached: HIP associations (limits.associations); those without "
		     "traffic give way, %zu places are kept for configured peers", kept(hip));
}

void hp_room_second(struct hp_hip *hip)
{
	struct hp_log_about about = { .reason = "associations" };
	uint64_t n;

	if (!hp_limit_over(&hip->room, hp_hip_now(hip), &n))
		return;
	tell(hip, false);
	hp_log_about(HP_LOG_HIP, HP_LOG_NOTICE, &about,
		     "limit no longer reached: HIP associations (limits.associations), "
		     "%llu refused or given way", (unsigned long long)n);
}

static bool make_room(struct hp_hip *hip, bool reserved)
{
	if (has_room(hip, reserved))
		return true;
	bites(hip);
	/* Removing one is enough, except after a reload that has lowered the limit. */
	for (unsigned i = 0; i < AT_ONCE && !has_room(hip, reserved); i++) {
		struct hp_assoc *a = find_victim(hip);

		if (!a)
			return false;
		hp_count(&hip->counters, HP_HIPC_EVICTED);
		hp_assoc_remove(a);
	}
	return has_room(hip, reserved);
}

struct hp_assoc *hp_room_new_assoc(struct hp_hip *hip, struct hp_identity *id,
				   const struct hp_addr *peer)
{
	if (make_room(hip, hp_known_is_reserved(hip, peer)))
		return hp_assoc_new(hip, id, peer);
	errno = ENOBUFS;
	return NULL;
}

const struct hp_limit *hp_hip_room(const struct hp_hip *hip)
{
	return &hip->room;
}

/* Half full: the usual difficulty; full: the highest. */
uint8_t hp_room_puzzle_k(const struct hp_hip *hip)
{
	size_t most, n = strangers(hip, &most), k = hip->cfg.puzzle_k_max - hip->cfg.puzzle_k;

	if (2 * n <= most)
		return hip->cfg.puzzle_k;
	return (uint8_t)(hip->cfg.puzzle_k + k * (2 * n - most) / most);
}
