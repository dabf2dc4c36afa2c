/* SPDX-License-Identifier: MIT
 *
 * Authentication.  Handlers that change an association take a struct hp_verified, which only
 * this file can make.
 */
#include "hip/auth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/hit.h"
#include "hip/assoc.h"
#include "hip/extra.h"
#include "hip/job.h"
#include "hip/secrets.h"

struct hp_verified {
	struct hp_hip_msg m;
};

const struct hp_hip_msg *hp_verified_msg(const struct hp_verified *v)
{
	return &v->m;
}

int hp_auth_mac_with(const struct hp_secrets *s, const struct hp_hip_msg *m)
{
	const struct hp_hip_tlv *t = hp_hip_param_find(m, HP_PARAM_HIP_MAC, 0);
	uint8_t scratch[HP_HIP_MAX];
	int n;

	if (!t)
		return HP_HIPD_MISSING;
	n = hp_hip_covered(m->raw, m->len, t->off - 4u, scratch);
	if (n < 0 || hp_hmac_verify(s->rhash, s->hip.in.mac, s->hip.in.mac_len, scratch,
				    (size_t)n, t->data, t->len))
		return HP_HIPD_MAC;
	return 0;
}

int hp_auth_mac(const struct hp_assoc *a, const struct hp_hip_msg *m)
{
	return a->sas.cur ? hp_auth_mac_with(a->sas.cur, m) : HP_HIPD_STATE;
}

int hp_auth_mac2(const struct hp_secrets *s, const struct hp_hip_msg *m)
{
	const struct hp_hip_tlv *t = hp_hip_param_find(m, HP_PARAM_HIP_MAC_2, 0);
	struct hp_bytes id = {s->peer_host_id, s->peer_host_id_len};
	uint8_t scratch[HP_HIP_MAX];
	int n;

	if (!t)
		return HP_HIPD_MISSING;
	n = hp_hip_covered_mac2(m->raw, m->len, t->off - 4u, &id, scratch);
	if (n < 0 || hp_hmac_verify(s->rhash, s->hip.in.mac, s->hip.in.mac_len, scratch,
				    (size_t)n, t->data, t->len))
		return HP_HIPD_MAC;
	return 0;
}

int hp_auth_host_id(const struct hp_hip_tlv *t, const struct hp_addr *hit,
		    struct hp_key **key, struct hp_host_id *out)
{
	struct hp_addr computed;

	if (hp_hip_read_host_id(t, out))
		return t ? HP_HIPD_HOST_ID : HP_HIPD_MISSING;
	if (hp_hit_from_hi(hp_hit_suite(hit), out->hi, out->hi_len, &computed))
		return HP_HIPD_HIT_SUITE;
	if (!hp_addr_eq(&computed, hit))
		return HP_HIPD_HIT;
	if (hp_key_from_hi(out->algorithm, out->hi, out->hi_len, key))
		return HP_HIPD_HOST_ID;
	/* The HIT's suite must be the one of this kind of key. */
	if (hp_key_hit_suite(*key) != hp_hit_suite(hit)) {
		hp_key_unref(*key);
		*key = NULL;
		return HP_HIPD_HIT_SUITE;
	}
	return 0;
}

static int check_signature(const struct hp_hip_tlv *t, const struct hp_key *key,
			   const uint8_t *covered, int n)
{
	struct hp_signature sig;

	if (hp_hip_read_signature(t, &sig))
		return HP_HIPD_MISSING;
	if (n < 0 || sig.algorithm != hp_key_algorithm(key) ||
	    hp_key_verify(key, covered, (size_t)n, sig.sig, sig.len))
		return HP_HIPD_SIGNATURE;
	return 0;
}

int hp_auth_signature(const struct hp_hip_msg *m, const struct hp_key *key)
{
	const struct hp_hip_tlv *t = hp_hip_param_find(m, HP_PARAM_HIP_SIGNATURE, 0);
	uint8_t scratch[HP_HIP_MAX];

	if (!t)
		return HP_HIPD_MISSING;
	return check_signature(t, key, scratch,
			       hp_hip_covered(m->raw, m->len, t->off - 4u, scratch));
}

int hp_auth_signature2(const struct hp_hip_msg *m, const struct hp_key *key)
{
	const struct hp_hip_tlv *t = hp_hip_param_find(m, HP_PARAM_HIP_SIGNATURE_2, 0);
	uint8_t scratch[HP_HIP_MAX];

	if (!t)
		return HP_HIPD_MISSING;
	return check_signature(t, key, scratch,
			       hp_hip_covered_sig2(m->raw, m->len, t->off - 4u, scratch));
}

/* ---- verifying in a job */

struct auth_work {
	struct hp_work w;
	struct hp_path path;
	struct hp_key *key;
	hp_verified_fn then;
	bool aside; /* it does not keep the association busy */
	int reason;
	struct hp_verified v;
	uint8_t raw[HP_HIP_MAX];
};

static void auth_run(struct hp_work *work)
{
	struct auth_work *w = HP_CONTAINER(work, struct auth_work, w);

	w->reason = hp_auth_signature(&w->v.m, w->key);
}

static void auth_done(struct hp_work *work, bool live)
{
	struct auth_work *w = HP_CONTAINER(work, struct auth_work, w);
	struct hp_hip *hip = work->hip;
	int reason = w->reason;

	if (live && !w->aside)
		work->a->base.busy = false;
	if (!live)
		reason = HP_HIPD_STALE;
	if (!reason)
		reason = hp_extra_check(hip, work->a, &w->path, &w->v.m);
	if (!reason)
		reason = w->then(work->a, &w->v, &w->path);
	if (!hip->dying)
		hp_hip_drop(hip, reason, w->v.m.type, &w->v.m.src_hit, &w->path);
}

static void auth_free(struct hp_work *work)
{
	struct auth_work *w = HP_CONTAINER(work, struct auth_work, w);

	hp_key_unref(w->key);
	free(w);
}

static int start(const struct hp_rx *rx, const struct hp_key *key, hp_verified_fn then, bool aside)
{
	struct hp_assoc *a = rx->a;
	struct auth_work *w = calloc(1, sizeof(*w));
	int reason;

	if (!w)
		return HP_HIPD_MEMORY;
	w->w.run = auth_run;
	w->w.done = auth_done;
	w->w.free = auth_free;
	w->path = *rx->path;
	w->key = hp_key_ref((struct hp_key *)key);
	w->then = then;
	w->aside = aside;
	memcpy(w->raw, rx->m->raw, rx->m->len);
	/* Parsed once more, so that it points into the copy. */
	hp_hip_parse(w->raw, rx->m->len, &w->v.m);
	a->base.busy = a->base.busy || !aside;
	reason = hp_work_start(rx->hip, a, &w->w);
	if (reason && !aside)
		a->base.busy = false;
	return reason;
}

int hp_auth_start(const struct hp_rx *rx, const struct hp_key *key, hp_verified_fn then)
{
	return rx->a->base.busy ? HP_HIPD_BUSY : start(rx, key, then, false);
}

int hp_auth_start_aside(const struct hp_rx *rx, const struct hp_key *key, hp_verified_fn then)
{
	return start(rx, key, then, true);
}

/* ---- what we send */

static int add_mac(struct hp_hip_builder *b, enum hp_rhash rhash,
		   const struct hp_keypair *out, const struct hp_bytes *mac2_host_id)
{
	uint8_t scratch[HP_HIP_MAX], mac[HP_RHASH_MAX];
	int len = hp_hip_finish(b), n;
	struct hp_seg seg;

	if (len < 0)
		return len;
	if (mac2_host_id)
		n = hp_hip_covered_mac2(b->w.start, (size_t)len, (size_t)len,
					mac2_host_id, scratch);
	else
		n = hp_hip_covered(b->w.start, (size_t)len, (size_t)len, scratch);
	if (n < 0)
		return n;
	seg = (struct hp_seg){scratch, (size_t)n};
	if (hp_hmac(rhash, out->mac, out->mac_len, &seg, 1, mac))
		return -EIO;
	hp_hip_param(b, mac2_host_id ? HP_PARAM_HIP_MAC_2 : HP_PARAM_HIP_MAC, mac,
		     hp_rhash_len(rhash));
	return 0;
}

int hp_auth_seal(struct hp_hip_builder *b, enum hp_rhash rhash,
		 const struct hp_keypair *out, const struct hp_bytes *mac2_host_id,
		 const struct hp_identity *id)
{
	uint8_t scratch[HP_HIP_MAX], sig[HP_KEY_SIG_MAX];
	struct hp_signature s = {.algorithm = hp_key_algorithm(id->key), .sig = sig};
	int err = out ? add_mac(b, rhash, out, mac2_host_id) : 0;
	int len;

	if (err)
		return err;
	len = hp_hip_finish(b);
	if (len < 0)
		return len;
	len = hp_hip_covered(b->w.start, (size_t)len, (size_t)len, scratch);
	if (len < 0)
		return len;
	err = hp_key_sign(id->key, scratch, (size_t)len, sig, &s.len);
	if (err)
		return err;
	hp_hip_add_signature(b, HP_PARAM_HIP_SIGNATURE, &s);
	return hp_hip_finish(b);
}
