/* SPDX-License-Identifier: MIT
 *
 * The engine: its life, its identities, and the way of a message from the net to the
 * state table.
 */
#include "hip/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "util/wipe.h"
#include "wire/hip_di.h"

static void second(struct hp_timer *t)
{
	struct hp_hip *hip = HP_CONTAINER(t, struct hp_hip, t_second);

	hp_load_second(hip);
	hp_room_second(hip);
	hp_r1_tick(hip);
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
	hp_tokens_init(&hip->claim_rate, 50, 50);
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

void hp_hip_unref(struct hp_hip *hip)
{
	if (--hip->refs)
		return;
	hp_wipe(&hip->key, sizeof(hip->key));
	free(hip);
}

void hp_hip_free(struct hp_hip *hip)
{
	struct hp_list *n, *tmp;

	if (!hip)
		return;
	hp_timer_cancel(hip->timers, &hip->t_second);
	HP_LIST_EACH_SAFE(n, tmp, &hip->assocs)
	hp_assoc_remove(HP_CONTAINER(n, struct hp_assoc, all));
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
	hp_hip_close(HP_CONTAINER(n, struct hp_assoc, all));
}

/* ---- identities */

/* HOST_ID as it stands in every R1 and I2 of this identity. */
static int build_host_id(struct hp_identity *id, const char *di)
{
	struct hp_host_id h = {.algorithm = hp_key_algorithm(id->key)};
	struct hp_hip_builder b;
	uint8_t buf[HP_HIP_MAX], octets[HP_DI_MAX];
	int len = hp_di_build(di ? di : "", octets, &h.di_type, NULL);

	if (len < 0)
		return len;
	h.hi = hp_key_hi(id->key, &h.hi_len);
	h.di = octets;
	h.di_len = (size_t)len;
	hp_hip_begin_list(&b, buf, sizeof(buf));
	hp_hip_add_host_id(&b, &h);
	len = hp_hip_finish(&b);
	if (len < 0)
		return -EINVAL;
	id->host_id = malloc((size_t)len);
	if (!id->host_id)
		return -ENOMEM;
	memcpy(id->host_id, buf, (size_t)len);
	id->host_id_len = (size_t)len;
	return 0;
}

int hp_hip_identity_add(struct hp_hip *hip, struct hp_key *key, unsigned flags,
			const char *di)
{
	struct hp_identity *id;
	int err;

	if (!hp_key_is_private(key))
		return -EINVAL;
	if (hp_identity_find(hip, hp_key_hit(key)))
		return -EEXIST;
	id = calloc(1, sizeof(*id));
	if (!id)
		return -ENOMEM;
	id->refs = 1;
	id->key = hp_key_ref(key);
	id->hit = *hp_key_hit(key);
	id->rhash = hp_rhash_of_suite(hp_key_hit_suite(key));
	id->never_opportunistic = flags & HP_IDENTITY_NEVER_OPPORTUNISTIC;
	id->controls = flags & HP_IDENTITY_ANONYMOUS ? HP_HIP_CONTROL_ANONYMOUS : 0;
	hp_list_init(&id->r1s);
	hp_list_init(&id->node);
	err = build_host_id(id, di);
	if (err) {
		hp_identity_unref(id);
		return err;
	}
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
		struct hp_assoc *a = HP_CONTAINER(n, struct hp_assoc, all);

		if (a->id == id)
			hp_assoc_remove(a);
	}
	hp_r1_free_all(hip, id);
	hp_identity_unref(id);
	return 0;
}

struct hp_identity *hp_identity_ref(struct hp_identity *id)
{
	id->refs++;
	return id;
}

void hp_identity_unref(struct hp_identity *id)
{
	if (!id || --id->refs)
		return;
	hp_key_unref(id->key);
	free(id->host_id);
	free(id);
}

struct hp_identity *hp_identity_find(const struct hp_hip *hip, const struct hp_addr *hit)
{
	struct hp_list *n;

	HP_LIST_EACH(n, &hip->identities)
	{
		struct hp_identity *id = HP_CONTAINER(n, struct hp_identity, node);

		if (hp_addr_eq(&id->hit, hit))
			return id;
	}
	return NULL;
}

const struct hp_addr *hp_hip_default_hit(const struct hp_hip *hip)
{
	struct hp_list *n = hp_list_first(&hip->identities);

	return n ? &HP_CONTAINER(n, struct hp_identity, node)->hit : NULL;
}

bool hp_hip_is_local(const struct hp_hip *hip, const struct hp_addr *hit)
{
	return hp_identity_find(hip, hit);
}

bool hp_hip_is_revoked(const struct hp_hip *hip, const struct hp_addr *hit)
{
	return hip->ops.revoked && hip->ops.revoked(hip->ops.ctx, hit);
}

bool hp_hip_ready(const struct hp_hip *hip)
{
	struct hp_list *n;

	HP_LIST_EACH(n, &hip->identities)
	for (size_t i = 0; i < hip->cfg.n_dh_groups; i++)
		if (!HP_CONTAINER(n, struct hp_identity, node)->offered[i])
			return false;
	return true;
}

/* ---- messages */

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

/* An I1 with wrong HITs: somebody's configuration is probably wrong, and here it can be seen. */
static int strange(const struct hp_rx *rx, enum hp_hip_strange what, int reason)
{
	static const char *const texts[HP_STRANGERS] = {
		"asks for a HIT which is none of ours: the peer has a wrong HIT for this "
		"machine, or the key here has changed",
		"comes with our own HIT: both ends have the same key",
	};
	const struct hp_addr *hit = what == HP_STRANGE_WRONG_HIT ? &rx->m->dst_hit
								  : &rx->m->src_hit;
	struct hp_hip *hip = rx->hip;
	struct hp_hip_stranger *last = &hip->strangers[what];
	uint64_t now = hp_hip_now(hip);
	char text[2][HP_ADDR_STRLEN];
	bool again;

	if (rx->m->type != HP_HIP_I1)
		return reason;
	again = last->last_ms && now - last->last_ms < HP_STRANGER_MS &&
		hp_addr_eq(&last->addr, &rx->path->dst) && hp_addr_eq(&last->hit, hit);
	*last = (struct hp_hip_stranger){rx->path->dst, *hit, now};
	if (again)
		return reason;
	hp_log_limited(&hip->stranger_rate, HP_LOG_HIP, HP_LOG_NOTICE, "I1 from %s %s (%s)",
		       hp_addr_format(&rx->path->dst, text[0]), texts[what],
		       hp_addr_format(hit, text[1]));
	return reason;
}

const struct hp_hip_stranger *hp_hip_stranger(const struct hp_hip *hip, enum hp_hip_strange what)
{
	return &hip->strangers[what];
}

/* Which of our identities and which association is this for?  0 or a reason. */
static int address_message(struct hp_rx *rx)
{
	const struct hp_hip_msg *m = rx->m;
	bool to_any = hp_addr_is_zero(&m->dst_hit);

	if (!hp_addr_is_hit(&m->src_hit))
		return HP_HIPD_PEER_HIT;
	if (hp_identity_find(rx->hip, &m->src_hit))
		return strange(rx, HP_STRANGE_OWN_HIT, HP_HIPD_OWN_HIT);
	if (to_any && m->type != HP_HIP_I1 && m->type != HP_HIP_NOTIFY)
		return HP_HIPD_NOT_OUR_HIT;
	if (!to_any) {
		rx->id = hp_identity_find(rx->hip, &m->dst_hit);
		if (!rx->id)
			return strange(rx, HP_STRANGE_WRONG_HIT, HP_HIPD_NOT_OUR_HIT);
		rx->a = hp_hip_find(rx->hip, &m->dst_hit, &m->src_hit);
	}
	/* The answer to an I1 to nobody in particular: known by address only. */
	if (m->type == HP_HIP_R1 && (!rx->a || rx->a->state != HP_I1_SENT)) {
		struct hp_assoc *a =
			hp_assoc_by_addr(rx->hip, &m->dst_hit, &rx->path->dst);

		rx->a = a ? a : rx->a;
	}
	return 0;
}

/* Sections 6.7.2 and 6.8.1: malformed I1 and R1 are not answered; nor is NOTIFY.  An I2 anybody can
 * have sent in the Initiator's name: nothing is signed for it. */
static bool may_tell(uint8_t type)
{
	return type != HP_HIP_I1 && type != HP_HIP_R1 && type != HP_HIP_I2 &&
	       type != HP_HIP_NOTIFY;
}

/* Section 5.2.1: refused, and the peer told, if it is one we talk to. */
static int refuse_critical(struct hp_rx *rx)
{
	uint8_t type[2];

	if (!address_message(rx) && rx->a && may_tell(rx->m->type)) {
		hp_put16(type, rx->m->params.bad_type);
		hp_notify_send(rx->hip, rx->id, &rx->m->src_hit, rx->path,
			       HP_NOTIFY_UNSUPPORTED_CRITICAL_PARAMETER, type, 2);
	}
	return HP_HIPD_CRITICAL;
}

/* Section 5.4.1.  Of another version no more is known than where its number stands: the checksum
 * may be elsewhere. */
static int refuse_version(const struct hp_rx *rx, const uint8_t *msg, size_t len)
{
	struct hp_hip *hip = rx->hip;

	if (hip->ops.problem && hp_tokens_take(&hip->problem_rate, hp_hip_now(hip), 1))
		hip->ops.problem(hip->ops.ctx, rx->path, msg, len, HP_HIP_OFF_VERSION);
	return HP_HIPD_VERSION;
}

static int input(struct hp_rx *rx, struct hp_hip_msg *m, const uint8_t *msg, size_t len)
{
	const struct hp_path *path = rx->path;
	int err;

	if (len > HP_HIP_MAX)
		return HP_HIPD_SIZE;
	err = hp_hip_parse(msg, len, m);
	if (err == -EPROTONOSUPPORT)
		return refuse_version(rx, msg, len);
	if (err == -EBADMSG)
		return HP_HIPD_MALFORMED;
	if (!hp_hip_checksum_ok(msg, m->len, &path->dst, &path->src, path->dport != 0))
		return HP_HIPD_CHECKSUM;
	if (err == -EOPNOTSUPP)
		return refuse_critical(rx);
	err = address_message(rx);
	if (err)
		return err;
	if (m->type == HP_HIP_R1 && !rx->a && hp_ask_input(rx))
		return 0;
	return hp_state_input(rx->a ? rx->a->state : HP_UNASSOCIATED, m->type, rx);
}

int hp_hip_input(struct hp_hip *hip, const struct hp_path *path, const uint8_t *msg,
		 size_t len)
{
	struct hp_hip_msg m = {.type = 0};
	struct hp_rx rx = {.hip = hip, .path = path, .m = &m};
	int reason;

	hp_count(&hip->counters, HP_HIPC_IN);
	reason = input(&rx, &m, msg, len);
	hp_hip_drop(hip, reason, m.type, &m.src_hit, path);
	return -reason;
}

const struct hp_counters *hp_hip_counters(const struct hp_hip *hip)
{
	return &hip->counters;
}

struct hp_sadb *hp_hip_sadb(struct hp_hip *hip)
{
	return &hip->sadb;
}

uint8_t hp_hip_puzzle_k(const struct hp_hip *hip)
{
	return hip->k_now;
}

size_t hp_hip_count(const struct hp_hip *hip)
{
	return hip->by_hits.count;
}
