/* SPDX-License-Identifier: MIT
 *
 * Messages that only lack MAC and signature, finished in a job and sent.
 */
#include "hip/sign.h"

#include <stdlib.h>
#include <string.h>

#include "hip/assoc.h"
#include "hip/auth.h"
#include "hip/echo.h"
#include "hip/extra.h"
#include "hip/job.h"
#include "hip/secrets.h"
#include "hip/send.h"
#include "util/wipe.h"

struct sign_work {
	struct hp_work w;
	struct hp_identity *id;
	struct hp_path path;
	hp_signed_fn then;
	bool mac;
	enum hp_rhash rhash;
	struct hp_keypair keys;
	struct hp_hip_builder b;
	int len;
	uint8_t msg[HP_HIP_MAX];
	struct hp_echo echo; /* of the message that is answered */
};

static void sign_run(struct hp_work *work)
{
	struct sign_work *w = HP_CONTAINER(work, struct sign_work, w);

	hp_extra_add(&w->b, work->extra);
	w->len = hp_auth_seal(&w->b, w->rhash, w->mac ? &w->keys : NULL, NULL, w->id);
	if (w->len > 0)
		w->len = (int)hp_echo_append(w->msg, (size_t)w->len, &w->echo);
}

static void sign_done(struct hp_work *work, bool live)
{
	struct sign_work *w = HP_CONTAINER(work, struct sign_work, w);

	if (!live)
		return;
	if (w->len < 0)
		hp_count(&work->hip->counters, HP_HIPD_SEND);
	else if (w->then)
		w->then(work->hip, work->a, w->msg, (size_t)w->len, &w->path);
	else
		hp_hip_send(work->hip, &w->path, w->msg, (size_t)w->len);
}

static void sign_free(struct hp_work *work)
{
	struct sign_work *w = HP_CONTAINER(work, struct sign_work, w);

	free(work->extra);
	hp_identity_unref(w->id);
	hp_wipe(&w->keys, sizeof(w->keys));
	free(w);
}

/* NULL: no memory. */
static struct sign_work *work_new(struct hp_hip *hip, struct hp_assoc *a, struct hp_identity *id,
				  const struct hp_hip_builder *b, const struct hp_path *path,
				  bool mac)
{
	size_t len = hp_wr_len(&b->w);
	struct hp_addr peer;
	struct sign_work *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->w.run = sign_run;
	w->w.done = sign_done;
	w->w.free = sign_free;
	w->id = hp_identity_ref(id);
	w->path = *path;
	w->mac = mac;
	if (mac) {
		w->rhash = a->sas.cur->rhash;
		w->keys = a->sas.cur->hip.out;
	}
	memcpy(w->msg, b->w.start, len);
	w->b = *b;
	w->b.w = hp_wr_init(w->msg, sizeof(w->msg));
	w->b.w.p += len;
	w->b.w.bad = b->w.bad;
	memcpy(peer.b, w->msg + HP_HIP_OFF_DST, sizeof(peer.b));
	w->w.extra = hp_extra_new(hip, id, w->msg[HP_HIP_OFF_TYPE], &peer, path, a);
	return w;
}

int hp_sign_start(struct hp_hip *hip, struct hp_assoc *a, struct hp_identity *id,
		  const struct hp_hip_builder *b, const struct hp_path *path, bool mac,
		  hp_signed_fn then)
{
	struct sign_work *w = work_new(hip, a, id, b, path, mac);

	if (!w)
		return HP_HIPD_MEMORY;
	w->then = then;
	return hp_work_start(hip, a, &w->w);
}

int hp_sign_answer(struct hp_assoc *a, const struct hp_hip_builder *b,
		   const struct hp_path *path, const struct hp_hip_msg *to, hp_signed_fn then)
{
	struct sign_work *w = work_new(a->hip, a, a->id, b, path, true);

	if (!w)
		return HP_HIPD_MEMORY;
	w->then = then;
	hp_echo_take(&w->echo, to);
	return hp_work_start(a->hip, a, &w->w);
}
