/* SPDX-License-Identifier: MIT
 *
 * New ESP SAs by UPDATE (RFC 7402, sections 5.3 and 6.8 to 6.10).
 *
 * Either side may begin, or both at once.  A side is done when its own UPDATE is
 * acknowledged and the peer's ESP_INFO is here.  The side that answers knows all keys
 * when it answers, and has its new inbound SA in place before the peer can use it.
 */
#include "hip/internal.h"

#include <errno.h>
#include <stdlib.h>

#include "util/wipe.h"

enum mode {
	START,	/* our UPDATE with ESP_INFO */
	ANSWER, /* the same with ACK, and all keys */
	FINISH, /* keys only */
};

struct rekey_work {
	struct hp_work w;
	enum mode mode;
	struct hp_path path;
	struct hp_identity *id;
	struct hp_addr local, peer;
	struct hp_secrets *s; /* a copy of the present ones, becoming the next */
	struct hp_dh *dh;     /* our new value */
	bool new_dh, new_keymat;
	struct hp_esp_info ei;
	uint32_t update_id, ack_id;
	int reason, len;
	uint8_t msg[HP_HIP_MAX];
};

void hp_assoc_rekey_clear(struct hp_assoc *a)
{
	struct hp_rekey *rk = &a->rk;

	if (rk->active) {
		hp_assoc_free_sa(a, a->in_next);
		a->in_next = NULL;
	}
	hp_dh_unref(rk->dh);
	hp_secrets_free(rk->next);
	hp_wipe(rk, sizeof(*rk));
}

/* ---- in the job */

/* Section 6.10, steps 1 to 3: the HIP keys stay, only KEYMAT is new. */
static int renew_keymat(struct rekey_work *w)
{
	struct hp_keyset hip = w->s->hip;
	int reason;

	if (w->dh) {
		hp_dh_unref(w->s->dh);
		w->s->dh = hp_dh_ref(w->dh);
	}
	reason = hp_secrets_derive(w->s, &w->local, &w->peer);
	w->s->hip = hip;
	w->s->km_next = 0;
	w->s->esp_at = 0;
	hp_wipe(&hip, sizeof(hip));
	return reason;
}

static int build(struct rekey_work *w)
{
	struct hp_secrets *s = w->s;
	struct hp_hip_builder b;

	hp_hip_begin(&b, w->msg, sizeof(w->msg), HP_HIP_UPDATE, 0, &w->local, &w->peer);
	hp_hip_add_esp_info(&b, &w->ei);
	hp_hip_add_seq(&b, w->update_id);
	if (w->mode == ANSWER)
		hp_hip_add_ack(&b, &w->ack_id, 1);
	if (w->dh) {
		struct hp_dh_value v = {s->group, hp_dh_public(w->dh),
					hp_dh_public_len(s->group)};

		hp_hip_add_dh(&b, &v);
	}
	w->len = hp_auth_seal(&b, s->rhash, &s->hip.out, NULL, w->id);
	return w->len < 0 ? HP_HIPD_SEND : 0;
}

static void rekey_run(struct hp_work *work)
{
	struct rekey_work *w = HP_CONTAINER(work, struct rekey_work, w);

	if (w->new_dh && hp_dh_generate(w->s->group, &w->dh))
		w->reason = HP_HIPD_MEMORY;
	if (!w->reason && w->new_keymat && w->mode != START)
		w->reason = renew_keymat(w);
	if (!w->reason && w->mode != FINISH)
		w->reason = build(w);
}

/* ---- on the loop */

static void install(struct hp_assoc *a, struct hp_secrets *next)
{
	int reason;

	next->spi_in = a->rk.spi_in;
	next->spi_out = a->rk.spi_out;
	reason = hp_assoc_install(a, next);
	hp_assoc_rekey_clear(a);
	if (reason) {
		hp_count(&a->hip->counters, (size_t)reason);
		return;
	}
	a->rekeys++;
	hp_count(&a->hip->counters, HP_HIPC_REKEYS);
	hp_assoc_event(a, HP_HIP_REKEYED);
}

/* The keys are known: packets for the new SPI can be opened from now on. */
static void prepare_in(struct hp_assoc *a, struct hp_secrets *next)
{
	struct hp_keyset esp;

	hp_assoc_free_sa(a, a->in_next);
	a->in_next = NULL;
	if (!hp_secrets_esp(next, hp_assoc_greater(a), &esp))
		a->in_next = hp_assoc_make_sa(a, a->rk.spi_in, next->suite, false, &esp);
	hp_wipe(&esp, sizeof(esp));
}

static void came_back(struct hp_assoc *a, struct rekey_work *w)
{
	if (w->mode == FINISH) {
		install(a, w->s);
		w->s = NULL;
		return;
	}
	a->rk.dh = w->dh;
	w->dh = NULL;
	if (w->mode == ANSWER) {
		a->rk.next = w->s;
		w->s = NULL;
		prepare_in(a, a->rk.next);
	}
	hp_update_transmit(a, &w->path, w->msg, (size_t)w->len);
}

static void rekey_done(struct hp_work *work, bool live)
{
	struct rekey_work *w = HP_CONTAINER(work, struct rekey_work, w);
	struct hp_assoc *a = work->a;

	if (!live)
		return;
	if (w->mode != FINISH)
		a->signing = false;
	if (!a->rk.active || a->rk.spi_in != w->ei.new_spi)
		return;
	if (w->reason) {
		hp_count(&a->hip->counters, (size_t)w->reason);
		hp_assoc_rekey_clear(a);
		return;
	}
	came_back(a, w);
}

static void rekey_free(struct hp_work *work)
{
	struct rekey_work *w = HP_CONTAINER(work, struct rekey_work, w);

	hp_secrets_free(w->s);
	hp_dh_unref(w->dh);
	hp_identity_unref(w->id);
	free(w);
}

static struct rekey_work *work_new(struct hp_assoc *a, enum mode mode,
				   const struct hp_path *path)
{
	struct rekey_work *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->w.run = rekey_run;
	w->w.done = rekey_done;
	w->w.free = rekey_free;
	w->mode = mode;
	w->id = hp_identity_ref(a->id);
	w->path = *path;
	w->local = a->local;
	w->peer = a->peer;
	w->s = hp_secrets_clone(a->cur);
	w->ei = (struct hp_esp_info){a->rk.my_idx, a->in ? a->in->spi : 0, a->rk.spi_in};
	if (!w->s) {
		rekey_free(&w->w);
		return NULL;
	}
	return w;
}

/* Begins a rekeying: our new SPI, and from where keys are to be drawn. */
static int begin(struct hp_assoc *a, uint16_t idx)
{
	hp_assoc_rekey_clear(a);
	if (hp_sadb_new_spi(&a->hip->sadb, &a->rk.spi_in))
		return HP_HIPD_MEMORY;
	a->rk.active = true;
	a->rk.started_ms = hp_hip_now(a->hip);
	a->rk.my_idx = idx;
	return 0;
}

static int start_work(struct hp_assoc *a, struct rekey_work *w)
{
	int reason;

	if (w->mode != FINISH) {
		w->update_id = hp_update_claim(a);
		a->rk.update_id = w->update_id;
	}
	reason = hp_work_start(a->hip, a, &w->w);
	if (!reason)
		return 0;
	a->signing = false;
	hp_assoc_rekey_clear(a);
	return reason;
}

/* Is there as much KEYMAT left as another pair of SAs needs? */
static bool keymat_left(const struct hp_secrets *s)
{
	size_t need = 4 * (size_t)HP_KEY_MAX;

	return s->km_next + need <= 255 * hp_rhash_len(s->rhash);
}

int hp_rekey_start(struct hp_assoc *a)
{
	struct rekey_work *w;
	bool dh;

	if (a->state != HP_ESTABLISHED)
		return -ENOTCONN;
	if (a->rk.active || a->signing || a->update_out)
		return -EBUSY;
	dh = a->hip->cfg.rekey_dh || !keymat_left(a->cur);
	if (begin(a, dh ? 0 : (uint16_t)a->cur->km_next))
		return -ENOMEM;
	w = work_new(a, START, &a->path);
	if (!w) {
		hp_assoc_rekey_clear(a);
		return -ENOMEM;
	}
	w->new_dh = dh;
	return start_work(a, w) ? -EBUSY : 0;
}

int hp_assoc_rekey(struct hp_assoc *a)
{
	return hp_rekey_start(a);
}

static void keep_peer(struct hp_assoc *a, const struct hp_esp_info *ei,
		      const struct hp_dh_value *dh)
{
	a->rk.got_peer = true;
	a->rk.spi_out = ei->new_spi;
	a->rk.peer_idx = ei->keymat_idx;
	if (dh->pub) {
		memcpy(a->rk.peer_pub, dh->pub, dh->pub_len);
		a->rk.peer_pub_len = dh->pub_len;
	}
}

static void use_peer_value(const struct hp_assoc *a, struct hp_secrets *s)
{
	if (!a->rk.peer_pub_len)
		return;
	memcpy(s->peer_pub, a->rk.peer_pub, a->rk.peer_pub_len);
	s->peer_pub_len = a->rk.peer_pub_len;
}

static uint16_t greater_index(const struct hp_assoc *a)
{
	return a->rk.my_idx > a->rk.peer_idx ? a->rk.my_idx : a->rk.peer_idx;
}

/* Section 6.10. */
static void try_finish(struct hp_assoc *a)
{
	struct hp_rekey *rk = &a->rk;
	struct hp_secrets *next = rk->next;
	struct rekey_work *w;

	if (!rk->active || !rk->acked || !rk->got_peer || rk->finishing)
		return;
	if (next) {
		rk->next = NULL;
		install(a, next);
		return;
	}
	w = work_new(a, FINISH, &a->path);
	if (!w) {
		hp_assoc_rekey_clear(a);
		return;
	}
	rk->finishing = true;
	w->new_keymat = rk->dh || rk->peer_pub_len;
	w->dh = rk->dh ? hp_dh_ref(rk->dh) : NULL;
	use_peer_value(a, w->s);
	w->s->esp_at = greater_index(a);
	if (w->new_keymat) {
		start_work(a, w);
		return;
	}
	install(a, w->s);
	w->s = NULL;
	rekey_free(&w->w);
}

void hp_rekey_acked(struct hp_assoc *a, uint32_t update_id)
{
	if (!a->rk.active || a->rk.update_id != update_id)
		return;
	a->rk.acked = true;
	try_finish(a);
}

/* Section 6.9.1. */
static int answer(struct hp_assoc *a, const struct hp_hip_msg *m,
		  const struct hp_esp_info *ei, const struct hp_dh_value *dh,
		  const struct hp_path *path)
{
	uint16_t idx = ei->keymat_idx > a->cur->km_next ? ei->keymat_idx
							: (uint16_t)a->cur->km_next;
	struct rekey_work *w;
	int reason = begin(a, dh->pub ? 0 : idx);

	if (reason)
		return reason;
	a->rk.answering = true;
	keep_peer(a, ei, dh);
	w = work_new(a, ANSWER, path);
	if (!w) {
		hp_assoc_rekey_clear(a);
		return HP_HIPD_MEMORY;
	}
	hp_hip_read_seq(hp_hip_param_find(m, HP_PARAM_SEQ, 0), &w->ack_id);
	w->new_dh = w->new_keymat = dh->pub != NULL;
	use_peer_value(a, w->s);
	w->s->esp_at = idx;
	return start_work(a, w);
}

static int check(const struct hp_assoc *a, const struct hp_esp_info *ei,
		 const struct hp_dh_value *dh)
{
	if (ei->new_spi < 256)
		return HP_HIPD_SPI;
	if (dh->pub && dh->group != a->cur->group)
		return HP_HIPD_DH_GROUP;
	if (dh->pub && dh->pub_len != hp_dh_public_len(dh->group))
		return HP_HIPD_DH_VALUE;
	if (dh->pub && ei->keymat_idx)
		return HP_HIPD_KEYMAT;
	/* Index 0 without a value of its own: the answer to ours. */
	if (!dh->pub && !a->rk.dh && ei->keymat_idx < a->cur->km_next)
		return HP_HIPD_KEYMAT;
	return 0;
}

int hp_rekey_input(struct hp_assoc *a, const struct hp_hip_msg *m,
		   const struct hp_path *path, bool *answered)
{
	const struct hp_hip_tlv *t = hp_hip_param_find(m, HP_PARAM_ESP_INFO, 0);
	const struct hp_hip_tlv *d = hp_hip_param_find(m, HP_PARAM_DIFFIE_HELLMAN, 0);
	struct hp_dh_value dh = {0, NULL, 0};
	struct hp_esp_info ei;
	int reason;

	/* RFC 8046, section 5.2: equal SPIs mean that only addresses change. */
	if (!t || (!hp_hip_read_esp_info(t, &ei) && ei.old_spi == ei.new_spi))
		return 0;
	if (hp_hip_read_esp_info(t, &ei) || (d && hp_hip_read_dh(d, &dh)))
		return HP_HIPD_MISSING;
	reason = check(a, &ei, &dh);
	if (reason)
		return reason;
	if (a->rk.active && !a->rk.answering) {
		if (!a->rk.got_peer) {
			keep_peer(a, &ei, &dh);
			try_finish(a);
		}
		return 0;
	}
	*answered = true;
	return answer(a, m, &ei, &dh, path);
}
