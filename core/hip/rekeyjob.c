/* SPDX-License-Identifier: MIT
 *
 * The public-key work of a rekeying (RFC 7402, section 6.10): a new Diffie-Hellman value, new
 * KEYMAT, and a signed UPDATE.
 */
#include "hip/rekeyjob.h"

#include <stdlib.h>

#include "hip/auth.h"
#include "hip/extra.h"
#include "util/wipe.h"

/* Section 6.10, steps 1 to 3: the HIP keys stay, only KEYMAT is new. */
static int renew_keymat(struct hp_rekey_work *w)
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

static int build(struct hp_rekey_work *w)
{
	struct hp_secrets *s = w->s;
	struct hp_hip_builder b;

	hp_hip_begin(&b, w->msg, sizeof(w->msg), HP_HIP_UPDATE, 0, &w->local, &w->peer);
	hp_hip_add_esp_info(&b, &w->ei);
	hp_hip_add_seq(&b, w->update_id);
	if (w->ack)
		hp_hip_add_ack(&b, &w->ack_id, 1);
	if (w->dh) {
		struct hp_dh_value v = {s->group, hp_dh_public(w->dh),
					hp_dh_public_len(s->group)};

		hp_hip_add_dh(&b, &v);
	}
	if (w->ask)
		hp_hip_param(&b, HP_PARAM_ECHO_REQUEST_SIGNED, w->echo, HP_ECHO_LEN);
	hp_echo_add_signed(&b, &w->asked);
	hp_extra_add(&b, w->w.extra);
	w->len = hp_auth_seal(&b, s->rhash, &s->hip.out, NULL, w->id);
	if (w->len < 0)
		return HP_HIPD_SEND;
	w->len = (int)hp_echo_append(w->msg, (size_t)w->len, &w->asked);
	return 0;
}

static void run(struct hp_work *work)
{
	struct hp_rekey_work *w = HP_CONTAINER(work, struct hp_rekey_work, w);

	if (w->new_dh && hp_dh_generate(w->s->group, &w->dh))
		w->reason = HP_HIPD_MEMORY;
	if (!w->reason && w->new_keymat)
		w->reason = renew_keymat(w);
	if (!w->reason && w->mode != HP_REKEY_KEYS)
		w->reason = build(w);
}

static void done(struct hp_work *work, bool live)
{
	struct hp_rekey_work *w = HP_CONTAINER(work, struct hp_rekey_work, w);

	if (live)
		w->back(work->a, w);
}

void hp_rekey_work_free(struct hp_rekey_work *w)
{
	free(w->w.extra);
	hp_secrets_free(w->s);
	hp_dh_unref(w->dh);
	hp_identity_unref(w->id);
	free(w);
}

static void free_work(struct hp_work *work)
{
	hp_rekey_work_free(HP_CONTAINER(work, struct hp_rekey_work, w));
}

struct hp_rekey_work *hp_rekey_work_new(struct hp_assoc *a, hp_rekey_back_fn back,
					enum hp_rekey_mode mode, const struct hp_path *path)
{
	struct hp_rekey_work *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->w.run = run;
	w->w.done = done;
	w->w.free = free_work;
	w->mode = mode;
	w->back = back;
	w->id = hp_identity_ref(a->id);
	w->path = *path;
	w->local = a->local;
	w->peer = a->peer;
	w->s = hp_secrets_clone(a->sas.cur);
	w->ei = (struct hp_esp_info){a->rk.my_idx, a->sas.in ? a->sas.in->spi : 0, a->rk.spi_in};
	if (!w->s) {
		hp_rekey_work_free(w);
		return NULL;
	}
	if (mode != HP_REKEY_KEYS)
		w->w.extra = hp_extra_new(a->hip, w->id, HP_HIP_UPDATE, &w->peer, path, a);
	return w;
}
