/* SPDX-License-Identifier: MIT
 *
 * I2 comes in, R2 goes out (RFC 7401, sections 6.9 and 5.3.4; RFC 7402, section 6.5).
 *
 * On the loop: all that costs no public-key operation, the puzzle first.  One job then
 * derives the keys, decrypts and checks the Host Identity, verifies MAC and signature and
 * finishes R2. Only a good I2 makes or changes an association.
 */
#include "hip/i2.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/log.h>

#include "crypto/hit.h"
#include "hip/assoc.h"
#include "hip/auth.h"
#include "hip/echo.h"
#include "hip/efailed.h"
#include "hip/extra.h"
#include "hip/job.h"
#include "hip/known.h"
#include "hip/life.h"
#include "hip/lists.h"
#include "hip/puzzle.h"
#include "hip/room.h"
#include "hip/secrets.h"
#include "hip/send.h"
#include "hip/tell.h"
#include "util/wipe.h"

struct i2_work {
	struct hp_work w;
	struct hp_hnode node; /* hip->pending: one I2 of a pair of HITs at a time */
	bool in_pending, opportunistic;
	uint16_t refusal; /* NOTIFY type; 0: it is accepted if it is right */
	struct hp_path path;
	struct hp_identity *id;
	struct hp_hip_msg m;
	struct hp_secrets *s;
	uint16_t opaque;
	uint64_t digest;
	int reason;
	int len;
	uint8_t raw[HP_HIP_MAX], r2[HP_HIP_MAX];
};

/* ---- one at a time */

struct pair {
	struct hp_addr local, peer;
};

static struct pair pair_of(const struct hp_hip_msg *m)
{
	return (struct pair){m->dst_hit, m->src_hit};
}

static bool pending_eq(const struct hp_hnode *n, const void *key)
{
	struct pair p = pair_of(&HP_CONTAINER(n, struct i2_work, node)->m);

	return !memcmp(&p, key, sizeof(p));
}

static bool is_pending(struct hp_hip *hip, const struct hp_hip_msg *m)
{
	struct pair p = pair_of(m);

	return hp_htab_find(&hip->pending, hp_hash(&hip->key, &p, sizeof(p)), pending_eq,
			    &p);
}

static int pending_add(struct hp_hip *hip, struct i2_work *w)
{
	struct pair p = pair_of(&w->m);

	if (hp_htab_add(&hip->pending, &w->node, hp_hash(&hip->key, &p, sizeof(p))))
		return HP_HIPD_LIMIT;
	w->in_pending = true;
	return 0;
}

static void pending_del(struct hp_hip *hip, struct i2_work *w)
{
	if (w->in_pending && !hip->dying)
		hp_htab_del(&hip->pending, &w->node);
	w->in_pending = false;
}

/* ---- in the job */

/* Section 6.9, step 11: the first parameter inside is HOST_ID; padding may follow. */
static int decrypt_host_id(struct i2_work *w, const struct hp_hip_tlv *t, uint8_t *plain,
			   struct hp_hip_list *list)
{
	int reason = hp_secrets_decrypt(w->s, t, plain, list);

	if (reason)
		return reason;
	return hp_hip_list_find(list, HP_PARAM_HOST_ID, 0) ? 0 : HP_HIPD_DECRYPT;
}

static int keep_host_id(struct hp_secrets *s, const struct hp_hip_tlv *t,
			const struct hp_host_id *h)
{
	struct hp_bytes whole = hp_hip_tlv_whole(t);

	s->peer_host_id = malloc(whole.len);
	if (!s->peer_host_id)
		return HP_HIPD_MEMORY;
	/* The padding of the last parameter inside ENCRYPTED may have been cut. */
	memset(s->peer_host_id, 0, whole.len);
	memcpy(s->peer_host_id, whole.p, t->len + 4u);
	s->peer_host_id_len = whole.len;
	return hp_secrets_keep_di(s, h);
}

static int authenticate(struct i2_work *w)
{
	const struct hp_hip_tlv *t = hp_hip_param_find(&w->m, HP_PARAM_HOST_ID, 0);
	const struct hp_hip_tlv *enc = hp_hip_param_find(&w->m, HP_PARAM_ENCRYPTED, 0);
	uint8_t plain[HP_HIP_MAX];
	struct hp_hip_list list;
	struct hp_host_id h;
	int reason = 0;

	/* The MAC first: it is cheap and stops forgeries. */
	reason = hp_auth_mac_with(w->s, &w->m);
	if (!reason && !t) {
		reason = enc ? decrypt_host_id(w, enc, plain, &list) : HP_HIPD_MISSING;
		t = reason ? NULL : hp_hip_list_find(&list, HP_PARAM_HOST_ID, 0);
	}
	if (!reason)
		reason = hp_auth_host_id(t, &w->m.src_hit, &w->s->peer_key, &h);
	if (!reason)
		reason = hp_auth_signature(&w->m, w->s->peer_key);
	return reason ? reason : keep_host_id(w->s, t, &h);
}

static int build_r2(struct i2_work *w)
{
	struct hp_esp_info ei = {w->s->esp_at, 0, w->s->spi_in};
	struct hp_bytes host_id = {w->id->host_id, w->id->host_id_len};
	struct hp_hip_builder b;
	struct hp_echo echo;

	hp_echo_take(&echo, &w->m);
	hp_hip_begin(&b, w->r2, sizeof(w->r2), HP_HIP_R2, 0, &w->id->hit, &w->m.src_hit);
	hp_hip_add_esp_info(&b, &ei);
	hp_echo_add_signed(&b, &echo);
	hp_extra_add(&b, w->w.extra);
	w->len = hp_auth_seal(&b, w->s->rhash, &w->s->hip.out, &host_id, w->id);
	return w->len < 0 ? HP_HIPD_SEND : 0;
}

/* Section 6.5 of RFC 7402: where the Initiator draws its ESP keys. */
static int check_keymat_index(struct hp_secrets *s, const struct hp_hip_msg *m)
{
	struct hp_esp_info ei;

	if (hp_hip_read_esp_info(hp_hip_param_find(m, HP_PARAM_ESP_INFO, 0), &ei))
		return HP_HIPD_MISSING;
	if (ei.keymat_idx < s->esp_at || !hp_secrets_reach(s, ei.keymat_idx))
		return HP_HIPD_KEYMAT;
	s->esp_at = ei.keymat_idx;
	return 0;
}

static void i2_run(struct hp_work *work)
{
	struct i2_work *w = HP_CONTAINER(work, struct i2_work, w);

	w->reason = hp_secrets_derive(w->s, &w->id->hit, &w->m.src_hit);
	if (!w->reason)
		w->reason = check_keymat_index(w->s, &w->m);
	if (!w->reason)
		w->reason = authenticate(w);
	if (!w->reason)
		w->reason = build_r2(w);
}

/* ---- on the loop again */

static struct hp_assoc *assoc_for(struct hp_hip *hip, struct i2_work *w, bool *fresh)
{
	struct hp_assoc *a = hp_hip_find(hip, &w->id->hit, &w->m.src_hit);

	*fresh = !a;
	if (a)
		return a;
	a = hp_room_new_assoc(hip, w->id, &w->m.src_hit);
	if (!a)
		return NULL;
	a->sas.no_esn_icv = hp_known_no_esn_icv(hip, &w->m.src_hit);
	return a;
}

/* Its R1 is to be replaced soon, and this solution counts no more. */
static int use_up(struct hp_hip *hip, struct i2_work *w)
{
	struct hp_r1 *r1;
	uint8_t be[2];

	hp_put16(be, w->opaque);
	r1 = hp_r1_by_opaque(w->id, be);
	if (!r1)
		return HP_HIPD_PUZZLE_OLD;
	r1->used = true;
	return hp_used_add(hip, r1, w->s, &w->m.src_hit);
}

/* What was under way with this peer is over (section 6.9, steps 5 and 6). */
static void start_anew(struct hp_assoc *a, const struct i2_work *w)
{
	hp_exchange_stop(a);
	a->ex.initiator = false;
	a->failure.error = 0;
	a->ex.rounds = 0;
	a->path = w->path;
}

/* The Initiator's I2 is answered by the same R2 each time.  Only the unsigned echo requests, which
 * middleboxes add, may differ. */
static void send_r2(struct hp_assoc *a, const struct hp_path *path, const struct hp_hip_msg *i2)
{
	uint8_t msg[HP_HIP_MAX];
	struct hp_echo echo;

	hp_echo_take(&echo, i2);
	memcpy(msg, a->ex.r2.msg, a->ex.r2.len);
	hp_hip_send(a->hip, path, msg, hp_echo_append(msg, a->ex.r2.len, &echo));
}

static int enter_r2_sent(struct hp_assoc *a, struct i2_work *w)
{
	struct hp_hip *hip = a->hip;
	struct hp_secrets *s = w->s;
	bool was_up = hp_assoc_is_up(a);
	int reason;

	start_anew(a, w);
	hp_assoc_reset(a);
	reason = hp_exchange_keep_r2(a, w->r2, (size_t)w->len, w->digest);
	if (!reason) {
		w->s = NULL;
		reason = hp_assoc_install(a, s);
	}
	if (reason) {
		hp_assoc_fail(a, -ENOMEM);
		return reason;
	}
	hp_assoc_set_state(a, HP_R2_SENT);
	hp_assoc_state_after(a, 1000ull * hip->cfg.exchange_s);
	hp_count(&hip->counters, HP_HIPC_BEX_RESPONDER);
	send_r2(a, &a->path, &w->m);
	hp_assoc_met(a);
	hp_assoc_watch(a);
	hp_assoc_event(a, was_up ? HP_HIP_REKEYED : HP_HIP_UP);
	return 0;
}

static int allowed(struct hp_hip *hip, const struct i2_work *w)
{
	char text[2][HP_ADDR_STRLEN];

	if (w->opportunistic && hip->cfg.opportunistic_responder == HP_OPP_PINNED &&
	    (!hip->ops.pin || hip->ops.pin(hip->ops.ctx, &w->path.dst, &w->m.src_hit))) {
		struct hp_log_about about = { .limit = &hip->log_rate, .peer = &w->m.src_hit,
					      .peer_at = &w->path.dst, .reason = "pin-changed" };

		hp_log_about(HP_LOG_HIP, HP_LOG_WARNING, &about,
			     "%s comes with HIT %s, but another HIT is pinned for it: refused",
			     hp_addr_format(about.peer_at, text[0]),
			     hp_addr_format(about.peer, text[1]));
		return HP_HIPD_PIN;
	}
	if (w->id->removed || hip->shutting)
		return HP_HIPD_STALE;
	return 0;
}

/* Section 4.4.4: is a good I2 accepted in this state? */
static bool takes_i2(const struct hp_assoc *a)
{
	return a->state != HP_I2_SENT || hp_assoc_greater(a);
}

static int accept_i2(struct hp_hip *hip, struct i2_work *w)
{
	struct hp_assoc *a;
	bool fresh;
	int reason = allowed(hip, w);

	if (!reason)
		reason = use_up(hip, w);
	if (reason)
		return reason;
	a = assoc_for(hip, w, &fresh);
	if (!a)
		return HP_HIPD_LIMIT;
	if (!fresh && !takes_i2(a))
		return HP_HIPD_CROSSED;
	return enter_r2_sent(a, w);
}

/* The peer is told no, now that it has proved who it is.  Its solution is used up. */
static int refuse(struct hp_hip *hip, struct i2_work *w)
{
	bool by_policy = w->refusal == HP_NOTIFY_BLOCKED_BY_POLICY;
	int reason = use_up(hip, w);

	if (reason)
		return reason;
	/* RFC 5770, section 5.10: the HIP header of the rejected packet. */
	hp_notify_send(hip, w->id, &w->m.src_hit, &w->path, w->refusal, by_policy ? NULL : w->raw,
		       by_policy ? 0 : HP_HIP_HLEN);
	return by_policy ? HP_HIPD_POLICY : HP_HIPD_NAT_MODE;
}

static void i2_done(struct hp_work *work, bool live)
{
	struct i2_work *w = HP_CONTAINER(work, struct i2_work, w);
	struct hp_hip *hip = work->hip;
	int reason = w->reason;

	pending_del(hip, w);
	if (!live)
		return;
	if (!reason)
		reason = hp_extra_check(hip, work->a, &w->path, &w->m);
	if (!reason)
		reason = w->refusal ? refuse(hip, w) : accept_i2(hip, w);
	hp_hip_drop(hip, reason, HP_HIP_I2, &w->m.src_hit, &w->path);
}

static void i2_free(struct hp_work *work)
{
	struct i2_work *w = HP_CONTAINER(work, struct i2_work, w);

	pending_del(work->hip, w);
	free(work->extra);
	hp_secrets_free(w->s);
	hp_identity_unref(w->id);
	free(w);
}

/* ---- admission */

/* Which R1 does it answer, for whom was that, and is the solution right and new? */
static int check_puzzle(const struct hp_rx *rx, const struct hp_r1 **out,
			bool *opportunistic)
{
	const struct hp_hip_tlv *t = hp_hip_param_find(rx->m, HP_PARAM_SOLUTION, 0);
	enum hp_rhash alg = rx->id->rhash;
	struct hp_hip *hip = rx->hip;
	struct hp_solution s;
	struct hp_r1 *r1;
	uint8_t i[HP_RHASH_MAX];

	if (hp_hip_read_solution(t, &s) || s.rhash_len != hp_rhash_len(alg))
		return HP_HIPD_MISSING;
	r1 = hp_r1_by_opaque(rx->id, s.opaque);
	if (!r1 || r1->k != s.k || (r1->until_ms && r1->until_ms < hp_hip_now(hip)))
		return HP_HIPD_PUZZLE_OLD;
	for (int opp = 0; opp < 2; opp++) {
		*opportunistic = opp;
		if (hp_puzzle_i(r1, alg, &rx->m->src_hit, &rx->id->hit, rx->path, opp, i))
			return HP_HIPD_MEMORY;
		if (hp_memeq(i, s.i, s.rhash_len))
			break;
		if (opp)
			return HP_HIPD_PUZZLE_OLD;
	}
	if (!hp_puzzle_check(alg, s.k, s.i, rx->m->src_hit.b, rx->id->hit.b, s.j))
		return HP_HIPD_PUZZLE_WRONG;
	if (hp_used_find(hip, &s, &rx->m->src_hit))
		return HP_HIPD_REPLAY;
	*out = r1;
	return 0;
}

/* The list must hold exactly one value, one that was offered. */
static uint16_t single(const struct hp_hip_tlv *t, const uint16_t *offered, size_t n)
{
	struct hp_u16list l;

	if (hp_hip_read_u16list(t, &l) || l.n != 1)
		return 0;
	return hp_list_has16(offered, n, hp_u16list_at(&l, 0)) ? hp_u16list_at(&l, 0) : 0;
}

static int check_choices(const struct hp_rx *rx, struct hp_secrets *s)
{
	static const uint16_t esp = HP_PARAM_ESP_TRANSFORM;
	const struct hp_hip_config *c = &rx->hip->cfg;
	const struct hp_hip_tlv *tf =
		hp_hip_param_find(rx->m, HP_PARAM_TRANSPORT_FORMAT_LIST, 0);

	s->cipher = single(hp_hip_param_find(rx->m, HP_PARAM_HIP_CIPHER, 0), c->ciphers,
			   c->n_ciphers);
	if (!s->cipher)
		return HP_HIPD_CIPHER;
	if (tf && !single(tf, &esp, 1))
		return HP_HIPD_TRANSPORT;
	s->suite = single(hp_hip_param_find(rx->m, HP_PARAM_ESP_TRANSFORM, 0),
			  c->esp_suites, c->n_esp_suites);
	return s->suite ? 0 : HP_HIPD_ESP_SUITE;
}

static int read_exchange(const struct hp_rx *rx, const struct hp_r1 *r1,
			 struct hp_secrets *s)
{
	const struct hp_hip_tlv *t = hp_hip_param_find(rx->m, HP_PARAM_R1_COUNTER, 0);
	struct hp_solution sol;
	struct hp_dh_value dh;
	struct hp_esp_info ei;
	uint64_t counter;

	/* Section 6.9, step 7. */
	if (t && (hp_hip_read_r1_counter(t, &counter) || counter != r1->generation))
		return HP_HIPD_R1_COUNTER;
	if (hp_hip_read_dh(hp_hip_param_find(rx->m, HP_PARAM_DIFFIE_HELLMAN, 0), &dh) ||
	    hp_hip_read_esp_info(hp_hip_param_find(rx->m, HP_PARAM_ESP_INFO, 0), &ei) ||
	    hp_hip_read_solution(hp_hip_param_find(rx->m, HP_PARAM_SOLUTION, 0), &sol))
		return HP_HIPD_MISSING;
	if (dh.group != r1->group)
		return HP_HIPD_DH_GROUP;
	if (dh.pub_len != hp_dh_public_len(dh.group))
		return HP_HIPD_DH_VALUE;
	if (ei.old_spi || ei.new_spi < 256)
		return HP_HIPD_SPI;
	memcpy(s->peer_pub, dh.pub, dh.pub_len);
	s->peer_pub_len = dh.pub_len;
	memcpy(s->i, sol.i, sol.rhash_len);
	memcpy(s->j, sol.j, sol.rhash_len);
	s->group = dh.group;
	s->rhash = rx->id->rhash;
	s->spi_out = ei.new_spi;
	s->dh = hp_dh_ref(r1->dh);
	return check_choices(rx, s);
}

/* Everything up to the signature but the checksum, which may differ when the path does. */
static uint64_t digest(const struct hp_hip *hip, const struct hp_hip_msg *m)
{
	const struct hp_hip_tlv *t = hp_hip_param_find(m, HP_PARAM_HIP_SIGNATURE, 0);
	uint8_t copy[HP_HIP_MAX];
	size_t len = t ? (size_t)t->off + t->len : m->len;

	memcpy(copy, m->raw, len);
	hp_put16(copy + HP_HIP_OFF_CSUM, 0);
	copy[HP_HIP_OFF_HLEN] = 0;
	return hp_hash(&hip->key, copy, len);
}

/* Section 6.9, step 4: the Initiator did not get our R2. */
static bool answer_again(const struct hp_rx *rx)
{
	struct hp_assoc *a = rx->a;

	if (!a || !a->ex.r2.msg || (a->state != HP_R2_SENT && a->state != HP_ESTABLISHED) ||
	    digest(rx->hip, rx->m) != a->ex.r2.i2_digest)
		return false;
	hp_count(&rx->hip->counters, HP_HIPC_RETRANSMITTED);
	send_r2(a, rx->path, rx->m);
	return true;
}

/* *refusal: the NOTIFY by which the peer is told, once it has proved who it is; 0: none. */
static int policy(const struct hp_rx *rx, uint16_t *refusal)
{
	struct hp_hip *hip = rx->hip;
	int err = hip->ops.accept ? hip->ops.accept(hip->ops.ctx, &rx->id->hit,
						    &rx->m->src_hit, rx->path)
				  : 0;

	*refusal = 0;
	if (err == -EPERM)
		*refusal = HP_NOTIFY_BLOCKED_BY_POLICY;
	else if (!err && hp_path_judge(rx))
		*refusal = HP_NOTIFY_NO_VALID_NAT_TRAVERSAL_MODE;
	return err && err != -EPERM ? HP_HIPD_POLICY : 0;
}

static struct i2_work *i2_new(const struct hp_rx *rx, const struct hp_r1 *r1)
{
	struct i2_work *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->w.run = i2_run;
	w->w.done = i2_done;
	w->w.free = i2_free;
	w->w.hip = rx->hip;
	w->id = hp_identity_ref(rx->id);
	w->path = *rx->path;
	w->opaque = r1->opaque;
	w->digest = digest(rx->hip, rx->m);
	memcpy(w->raw, rx->m->raw, rx->m->len);
	hp_hip_parse(w->raw, rx->m->len, &w->m);
	w->s = hp_secrets_new();
	if (!w->s || hp_sadb_new_spi(&rx->hip->sadb, &w->s->spi_in)) {
		i2_free(&w->w);
		return NULL;
	}
	w->w.extra = hp_extra_new(rx->hip, w->id, HP_HIP_R2, &rx->m->src_hit, rx->path, rx->a);
	return w;
}

/* The puzzle is solved.  Anybody can solve it in the name of any HIT: what is wrong with this I2 is
 * counted, and nothing is signed about it (section 6.9 has a NOTIFY as an option only). */
static int take(const struct hp_rx *rx, const struct hp_r1 *r1, bool opportunistic)
{
	struct i2_work *w;
	uint16_t refusal;
	int reason = policy(rx, &refusal);

	if (reason)
		return reason;
	if (is_pending(rx->hip, rx->m))
		return HP_HIPD_BUSY;
	w = i2_new(rx, r1);
	if (!w)
		return HP_HIPD_MEMORY;
	w->opportunistic = opportunistic;
	w->refusal = refusal;
	reason = read_exchange(rx, r1, w->s);
	if (!reason)
		reason = pending_add(rx->hip, w);
	if (reason) {
		i2_free(&w->w);
		return reason;
	}
	return hp_work_start(rx->hip, NULL, &w->w);
}

int hp_i2_input(const struct hp_rx *rx)
{
	const struct hp_hip_config *c = &rx->hip->cfg;
	const struct hp_r1 *r1;
	bool opportunistic;
	int reason;

	rx->hip->i2_count++;
	if (rx->hip->shutting)
		return HP_HIPD_POLICY;
	if (answer_again(rx))
		return 0;
	/* Section 6.9, step 3. */
	if (!hp_list_has8(c->hit_suites, c->n_hit_suites, hp_hit_suite(&rx->m->src_hit)))
		return HP_HIPD_HIT_SUITE;
	reason = check_puzzle(rx, &r1, &opportunistic);
	if (reason)
		return reason;
	return take(rx, r1, opportunistic);
}

/* Section 6.9, step 5: both have sent I2; the host with the greater HIT is Responder. */
int hp_i2_input_crossing(const struct hp_rx *rx)
{
	return hp_assoc_greater(rx->a) ? hp_i2_input(rx) : HP_HIPD_CROSSED;
}
