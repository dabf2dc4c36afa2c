/* SPDX-License-Identifier: MIT
 *
 * The SAs of an association: made, replaced, dropped (RFC 7402, section 6.10).
 */
#include "hip/sas.h"

#include <stdlib.h>
#include <string.h>

#include "hip/assoc.h"
#include "hip/secrets.h"
#include "util/wipe.h"

#define OLD_SA_LOOK_MS 200
#define OLD_SA_MAX_MS  120000 /* an old SA ends after this, also if no newer one is used */

static uint64_t out_hash(const struct hp_hip *hip, uint32_t spi)
{
	return hp_hash(&hip->key, &spi, sizeof(spi));
}

static int out_add(struct hp_hip *hip, struct hp_sa *sa)
{
	return hp_htab_add(&hip->outs, &sa->node, out_hash(hip, sa->spi));
}

struct out_key {
	uint32_t spi;
	const struct hp_addr *peer_at;
};

static bool out_eq(const struct hp_hnode *n, const void *key)
{
	const struct hp_sa *sa = HP_CONTAINER(n, struct hp_sa, node);
	const struct out_key *k = key;
	const struct hp_assoc *a = sa->owner;

	return sa->spi == k->spi && hp_addr_eq(&a->path.dst, k->peer_at);
}

struct hp_assoc *hp_hip_by_spi_out(struct hp_hip *hip, uint32_t spi, const struct hp_addr *peer_at)
{
	struct out_key key = {spi, peer_at};
	struct hp_hnode *n = hp_htab_find(&hip->outs, out_hash(hip, spi), out_eq, &key);

	return n ? HP_CONTAINER(n, struct hp_sa, node)->owner : NULL;
}

static struct hp_sa *make(struct hp_assoc *a, uint32_t spi, uint16_t suite,
			       bool outbound, const struct hp_keyset *keys)
{
	const struct hp_hip_config *c = &a->hip->cfg;
	struct hp_sa_params p = {
		.spi = spi,
		.suite = suite,
		.outbound = outbound,
		.no_esn_icv = a->sas.no_esn_icv,
		.keys = outbound ? &keys->out : &keys->in,
		.src_hit = outbound ? a->local : a->peer,
		.dst_hit = outbound ? a->peer : a->local,
		.replay_window = c->replay_window,
		.soft_packets = c->rekey_packets,
		.soft_bytes = c->rekey_bytes,
		.backend = c->esp_backend,
		.rand = a->hip->rand,
		.owner = a,
	};
	struct hp_sa *sa = calloc(1, sizeof(*sa));

	if (!sa)
		return NULL;
	if (hp_sa_init(sa, &p)) {
		free(sa);
		return NULL;
	}
	if (a->hip->ops.sa_keys)
		a->hip->ops.sa_keys(a->hip->ops.ctx, a, sa, p.keys);
	if (outbound ? out_add(a->hip, sa) : hp_sadb_add(&a->hip->sadb, sa)) {
		hp_sa_fini(sa);
		free(sa);
		return NULL;
	}
	return sa;
}

static void release(struct hp_assoc *a, struct hp_sa *sa)
{
	if (!sa)
		return;
	if (sa->outbound)
		hp_htab_del(&a->hip->outs, &sa->node);
	else
		hp_sadb_del(&a->hip->sadb, sa);
	hp_sa_fini(sa);
	free(sa);
}

static void drop_old(struct hp_assoc *a, size_t at)
{
	release(a, a->sas.old[at].sa);
	a->sas.n_old--;
	memmove(&a->sas.old[at], &a->sas.old[at + 1], (a->sas.n_old - at) * sizeof(a->sas.old[0]));
}

static void watch_old(struct hp_assoc *a)
{
	if (a->sas.n_old)
		hp_timer_set(a->hip->timers, &a->sas.t_old, hp_hip_now(a->hip) + OLD_SA_LOOK_MS);
}

/* RFC 7402, section 6.10, step 4: the old SA may go once data has come by the new one.  Until
 * then the peer may not know that it can use that; afterwards packets may still be overtaken. */
static void old_over(struct hp_timer *t)
{
	struct hp_assoc *a = HP_CONTAINER(t, struct hp_assoc, sas.t_old);
	bool newer = a->sas.in && a->sas.in->packets;
	uint64_t now = hp_hip_now(a->hip);

	for (size_t i = a->sas.n_old; i-- > 0;) {
		struct hp_old_sa *o = &a->sas.old[i];

		if (newer && !o->proved_ms)
			o->proved_ms = now;
		newer = newer || o->sa->packets;
		if ((o->proved_ms && now - o->proved_ms >= a->hip->cfg.old_sa_ms) ||
		    now - o->replaced_ms >= OLD_SA_MAX_MS)
			drop_old(a, i);
	}
	watch_old(a);
}

void hp_sas_init(struct hp_sas *s)
{
	hp_timer_init(&s->t_old, old_over);
}

bool hp_assoc_is_up(const struct hp_assoc *a)
{
	return a->sas.out != NULL;
}

void hp_assoc_drop_next_in(struct hp_assoc *a)
{
	release(a, a->sas.in_next);
	a->sas.in_next = NULL;
}

int hp_assoc_prepare_in(struct hp_assoc *a, struct hp_secrets *s, uint32_t spi)
{
	struct hp_keyset esp;
	int reason;

	hp_assoc_drop_next_in(a);
	reason = hp_secrets_esp(s, hp_assoc_greater(a), &esp);
	if (!reason)
		a->sas.in_next = make(a, spi, s->suite, false, &esp);
	hp_wipe(&esp, sizeof(esp));
	return reason || a->sas.in_next ? reason : HP_HIPD_MEMORY;
}

void hp_assoc_drop_sas(struct hp_assoc *a)
{
	struct hp_sa **all[] = {&a->sas.in, &a->sas.in_next, &a->sas.out};

	hp_timer_cancel(a->hip->timers, &a->sas.t_old);
	while (a->sas.n_old)
		drop_old(a, 0);
	for (size_t i = 0; i < 3; i++) {
		release(a, *all[i]);
		*all[i] = NULL;
	}
}

/* Packets that are under way for the old SA are still opened for a while. */
static void replace_in(struct hp_assoc *a, struct hp_sa *in)
{
	if (a->sas.in && a->sas.n_old == HP_OLD_SAS)
		drop_old(a, 0);
	if (a->sas.in)
		a->sas.old[a->sas.n_old++] = (struct hp_old_sa){a->sas.in, hp_hip_now(a->hip), 0};
	a->sas.in = in;
	watch_old(a);
}

int hp_assoc_install(struct hp_assoc *a, struct hp_secrets *s)
{
	struct hp_sa *in = a->sas.in_next, *out = NULL;
	struct hp_keyset esp;
	int reason;

	a->sas.in_next = NULL;
	if (in && in->spi != s->spi_in) {
		release(a, in);
		in = NULL;
	}
	reason = hp_secrets_esp(s, hp_assoc_greater(a), &esp);
	if (!reason && !in)
		in = make(a, s->spi_in, s->suite, false, &esp);
	if (!reason)
		out = make(a, s->spi_out, s->suite, true, &esp);
	hp_wipe(&esp, sizeof(esp));
	if (!in || !out) {
		release(a, in);
		release(a, out);
		hp_secrets_free(s);
		return reason ? reason : HP_HIPD_MEMORY;
	}
	replace_in(a, in);
	a->sas.spi_before = a->sas.out ? a->sas.out->spi : 0;
	release(a, a->sas.out);
	a->sas.out = out;
	hp_secrets_free(a->sas.cur);
	a->sas.cur = s;
	return 0;
}

bool hp_assoc_is_spi_out(const struct hp_assoc *a, uint32_t spi)
{
	return spi && ((a->sas.out && a->sas.out->spi == spi) || a->sas.spi_before == spi);
}

struct hp_sa *hp_assoc_sa_out(const struct hp_assoc *a)
{
	return a->state == HP_ESTABLISHED || a->state == HP_R2_SENT ? a->sas.out : NULL;
}

struct hp_sa *hp_assoc_sa_in(const struct hp_assoc *a)
{
	return a->sas.in;
}
