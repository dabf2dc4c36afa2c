/* SPDX-License-Identifier: MIT
 *
 * The engine's start and end, its configuration, and its identities.
 */
#include "hip/hip.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "hip/assoc.h"
#include "hip/known.h"
#include "hip/names.h"
#include "hip/puzzle.h"
#include "hip/r1pool.h"
#include "hip/room.h"
#include "hip/spot.h"
#include "hip/update.h"

static void second(struct hp_timer *t)
{
	struct hp_hip *hip = HP_CONTAINER(t, struct hp_hip, t_second);

	hp_puzzle_second(hip, hp_room_puzzle_k(hip));
	hp_room_second(hip);
	hp_r1_second(hip);
	hp_timer_set(hip->timers, t, hp_hip_now(hip) + 1000);
}

static int init_tables(struct hp_hip *hip)
{
	if (hp_htab_init(&hip->by_hits, hip->cfg.max_associations) || hp_htab_init(&hip->outs, 0) ||
	    hp_htab_init(&hip->spots, 2 * (size_t)hip->cfg.max_known_peers) ||
	    hp_htab_init(&hip->known, hip->cfg.max_known_peers) ||
	    hp_htab_init(&hip->pending, 0) || hp_htab_init(&hip->used, HP_USED_MAX))
		return -ENOMEM;
	return hp_sadb_init(&hip->sadb, 0, hip->rand);
}

static void init_generation(struct hp_hip *hip)
{
	hip->generation = hip->cfg.r1_generation;
	if (!hip->generation)
		hip->generation = (uint64_t)time(NULL);
}

struct hp_hip *hp_hip_new(const struct hp_hip_config *cfg, const struct hp_hip_ops *ops,
			  const struct hp_clock *clock, const struct hp_rand *rand,
			  struct hp_timers *timers)
{
	struct hp_hip *hip;

	if (hp_hip_config_check(cfg, NULL))
		return NULL;
	hip = calloc(1, sizeof(*hip));
	if (!hip)
		return NULL;
	hip->cfg = *cfg;
	hip->ops = *ops;
	hip->clock = clock;
	hip->rand = rand;
	hip->timers = timers;
	hip->refs = 1;
	hip->update_how = &hp_update_how;
	hip->k_now = cfg->puzzle_k;
	hip->counters =
		(struct hp_counters){hp_hip_count_table(), hip->values, HP_HIPC_MAX};
	hp_list_init(&hip->identities);
	hp_list_init(&hip->assocs);
	hp_list_init(&hip->walks);
	hp_list_init(&hip->opps);
	hp_list_init(&hip->asking);
	hp_tokens_init(&hip->notify_rate, 20, 20);
	hp_tokens_init(&hip->notify_in_rate, 50, 50);
	hp_tokens_init(&hip->restart_rate, 20, 20);
	hp_tokens_init(&hip->log_rate, 10, 20);
	hp_tokens_init(&hip->stranger_rate, 1, 5);
	hp_tokens_init(&hip->error_rate, 50, 100);
	hp_tokens_init(&hip->hint_rate, 10, 20);
	hp_tokens_init(&hip->problem_rate, 5, 10);
	for (size_t i = 0; i < HP_HINT_BUCKETS; i++)
		hp_tokens_init(&hip->hint_at[i], 1, 3);
	for (size_t i = 0; i < HP_R1_BUCKETS; i++)
		hp_tokens_init(&hip->r1_rate[i], cfg->r1_per_s, 2 * cfg->r1_per_s);
	init_generation(hip);
	if (hp_rand_fill(rand, &hip->key, sizeof(hip->key)) || init_tables(hip)) {
		hp_hip_free(hip);
		return NULL;
	}
	hp_timer_init(&hip->t_second, second);
	hp_timer_set(timers, &hip->t_second, hp_hip_now(hip) + 1000);
	return hip;
}

void hp_hip_free(struct hp_hip *hip)
{
	struct hp_list *n, *tmp;

	if (!hip)
		return;
	hp_timer_cancel(hip->timers, &hip->t_second);
	HP_LIST_EACH_SAFE(n, tmp, &hip->assocs)
	hp_assoc_remove(HP_CONTAINER(n, struct hp_assoc, place.all));
	hip->dying = true;
	HP_LIST_EACH_SAFE(n, tmp, &hip->identities)
	{
		struct hp_identity *id = HP_CONTAINER(n, struct hp_identity, node);

		hp_list_del(&id->node);
		id->removed = true;
		hp_r1_free_all(hip, id);
		hp_identity_unref(id);
	}
	hp_hip_forget_peers(hip);
	hp_htab_fini(&hip->by_hits);
	hp_htab_fini(&hip->outs);
	hp_htab_fini(&hip->spots);
	hp_htab_fini(&hip->known);
	hp_htab_fini(&hip->used);
	hp_htab_fini(&hip->pending);
	if (hip->sadb.tab.slots)
		hp_sadb_fini(&hip->sadb);
	hp_hip_unref(hip);
}

int hp_hip_reconfigure(struct hp_hip *hip, const struct hp_hip_config *cfg)
{
	struct hp_list *n;

	if (hp_hip_config_check(cfg, NULL))
		return -EINVAL;
	HP_LIST_EACH(n, &hip->identities)
	hp_r1_retire_all(hip, HP_CONTAINER(n, struct hp_identity, node));
	hip->cfg = *cfg;
	hip->cfg_epoch++;
	hip->by_hits.limit = cfg->max_associations;
	hip->known.limit = cfg->max_known_peers;
	hip->k_now = cfg->puzzle_k;
	for (size_t i = 0; i < HP_R1_BUCKETS; i++)
		hp_tokens_init(&hip->r1_rate[i], cfg->r1_per_s, 2 * cfg->r1_per_s);
	HP_LIST_EACH(n, &hip->identities)
	hp_r1_make_all(hip, HP_CONTAINER(n, struct hp_identity, node));
	return 0;
}

void hp_hip_shutdown(struct hp_hip *hip)
{
	struct hp_list *n, *tmp;

	hip->shutting = true;
	HP_LIST_EACH_SAFE(n, tmp, &hip->assocs)
	hp_hip_close(HP_CONTAINER(n, struct hp_assoc, place.all));
}

void hp_hip_forget_peers(struct hp_hip *hip)
{
	hp_room_forget(hip);
	hp_spot_forget(hip);
	hp_known_forget(hip);
}

/* ---- identities */

int hp_hip_identity_add(struct hp_hip *hip, struct hp_key *key, unsigned flags,
			const char *di)
{
	struct hp_identity *id;
	int err;

	if (!hp_key_is_private(key))
		return -EINVAL;
	if (hp_identity_find(hip, hp_key_hit(key)))
		return -EEXIST;
	err = hp_identity_new(key, flags, di, &id);
	if (err)
		return err;
	hp_list_add_tail(&hip->identities, &id->node);
	hp_r1_make_all(hip, id);
	return 0;
}

int hp_hip_identity_never_opportunistic(struct hp_hip *hip, const struct hp_addr *hit)
{
	struct hp_identity *id = hp_identity_find(hip, hit);

	if (!id)
		return -ENOENT;
	id->never_opportunistic = true;
	return 0;
}

int hp_hip_identity_remove(struct hp_hip *hip, const struct hp_addr *hit)
{
	struct hp_identity *id = hp_identity_find(hip, hit);
	struct hp_list *n, *tmp;

	if (!id)
		return -ENOENT;
	hp_list_del(&id->node);
	id->removed = true;
	HP_LIST_EACH_SAFE(n, tmp, &hip->assocs)
	{
		struct hp_assoc *a = HP_CONTAINER(n, struct hp_assoc, place.all);

		if (a->id == id)
			hp_assoc_remove(a);
	}
	hp_r1_free_all(hip, id);
	hp_identity_unref(id);
	return 0;
}
