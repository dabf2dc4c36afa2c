/* SPDX-License-Identifier: MIT
 *
 * R1 comes in, I2 goes out (RFC 7401, sections 6.8 and 5.3.3; RFC 7402, section 6.4).
 *
 * Nothing in an R1 is believed before its signature was verified, so apart from a few
 * cheap looks all of it happens in one job: signature, choice of algorithms, puzzle,
 * Diffie-Hellman, and the finished I2.
 */
#include "hip/r1.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hipproxy/log.h>

#include "crypto/cipher.h"
#include "crypto/hit.h"
#include "hip/assoc.h"
#include "hip/auth.h"
#include "hip/echo.h"
#include "hip/efailed.h"
#include "hip/extra.h"
#include "hip/i1.h"
#include "hip/instead.h"
#include "hip/job.h"
#include "hip/lists.h"
#include "hip/offered.h"
#include "hip/secrets.h"

struct r1_work {
	struct hp_work w;
	struct hp_hip_config cfg;
	struct hp_path path;
	struct hp_identity *id;
	struct hp_hip_msg m;
	struct hp_secrets *s;
	uint8_t iv[HP_CIPHER_BLOCK_MAX];
	struct hp_outer_offer offer; /* what I2 has besides */
	int judged;   /* what the plugin that chooses paths says: 0 or a reason */
	bool trusted; /* the signature was right */
	int reason;
	int len;
	uint8_t raw[HP_HIP_MAX], i2[HP_HIP_MAX];
};

/* The best of ours that the peer lists too; 0 for none. */
static uint16_t choose16(const uint16_t *ours, size_t n, const struct hp_hip_tlv *t)
{
	struct hp_u16list theirs;

	if (hp_hip_read_u16list(t, &theirs))
		return 0;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < theirs.n; k++)
			if (hp_u16list_at(&theirs, k) == ours[i])
				return ours[i];
	return 0;
}

/* Section 4.1.7: the group must be the Responder's best of what we have listed in I1. */
static int check_group(const struct r1_work *w, uint8_t group)
{
	const struct hp_hip_config *c = &w->cfg;
	struct hp_u8list theirs;

	if (hp_hip_read_u8list(hp_hip_param_find(&w->m, HP_PARAM_DH_GROUP_LIST, 0),
			       &theirs))
		return HP_HIPD_MISSING;
	for (size_t i = 0; i < theirs.n; i++)
		if (hp_list_has8(c->dh_groups, c->n_dh_groups, theirs.p[i]))
			return theirs.p[i] == group ? 0 : HP_HIPD_DOWNGRADE;
	return HP_HIPD_DH_GROUP;
}

/* Section 6.8, step 6. */
static int check_suites(const struct r1_work *w)
{
	struct hp_u8list l;

	if (hp_hip_read_u8list(hp_hip_param_find(&w->m, HP_PARAM_HIT_SUITE_LIST, 0), &l))
		return HP_HIPD_MISSING;
	for (size_t i = 0; i < l.n; i++)
		if (l.p[i] >> 4 == hp_hit_suite(&w->id->hit))
			return 0;
	return HP_HIPD_HIT_SUITE;
}

/* Section 5.2.11.  A peer that leaves the list out but sends ESP_TRANSFORM means ESP. */
static int check_transport(const struct r1_work *w)
{
	static const uint16_t esp = HP_PARAM_ESP_TRANSFORM;
	const struct hp_hip_tlv *t =
		hp_hip_param_find(&w->m, HP_PARAM_TRANSPORT_FORMAT_LIST, 0);

	if (!hp_hip_param_find(&w->m, HP_PARAM_ESP_TRANSFORM, 0))
		return HP_HIPD_TRANSPORT;
	return !t || choose16(&esp, 1, t) ? 0 : HP_HIPD_TRANSPORT;
}

static int choose(struct r1_work *w)
{
	const struct hp_hip_config *c = &w->cfg;
	struct hp_secrets *s = w->s;
	struct hp_dh_value dh;
	int reason;

	if (hp_hip_read_dh(hp_hip_param_find(&w->m, HP_PARAM_DIFFIE_HELLMAN, 0), &dh))
		return HP_HIPD_MISSING;
	reason = check_suites(w);
	if (!reason)
		reason = check_group(w, dh.group);
	if (!reason)
		reason = check_transport(w);
	if (reason)
		return reason;
	if (dh.pub_len != hp_dh_public_len(dh.group) || dh.pub_len > sizeof(s->peer_pub))
		return HP_HIPD_DH_VALUE;
	memcpy(s->peer_pub, dh.pub, dh.pub_len);
	s->peer_pub_len = dh.pub_len;
	s->group = dh.group;
	s->cipher = choose16(c->ciphers, c->n_ciphers,
			     hp_hip_param_find(&w->m, HP_PARAM_HIP_CIPHER, 0));
	s->suite = choose16(c->esp_suites, c->n_esp_suites,
			    hp_hip_param_find(&w->m, HP_PARAM_ESP_TRANSFORM, 0));
	if (!s->cipher)
		return HP_HIPD_CIPHER;
	return s->suite ? 0 : HP_HIPD_ESP_SUITE;
}

/* Section 6.8, steps 4 and 10: whose R1 is it?  Keeps the HOST_ID for R2's MAC. */
static int authenticate(struct r1_work *w)
{
	const struct hp_hip_tlv *t = hp_hip_param_find(&w->m, HP_PARAM_HOST_ID, 0);
	struct hp_secrets *s = w->s;
	struct hp_host_id h;
	struct hp_bytes whole;
	int reason = hp_auth_host_id(t, &w->m.src_hit, &s->peer_key, &h);

	if (!reason)
		reason = hp_auth_signature2(&w->m, s->peer_key);
	if (reason)
		return reason;
	w->trusted = true;
	whole = hp_hip_tlv_whole(t);
	s->peer_host_id = malloc(whole.len);
	if (!s->peer_host_id)
		return HP_HIPD_MEMORY;
	memcpy(s->peer_host_id, whole.p, whole.len);
	s->peer_host_id_len = whole.len;
	return hp_secrets_keep_di(s, &h);
}

/* Step 12: not longer than the puzzle lives. */
static int solve(struct r1_work *w, const struct hp_puzzle *p)
{
	struct hp_secrets *s = w->s;
	uint64_t until;

	if (p->rhash_len != hp_rhash_len(s->rhash))
		return HP_HIPD_MISSING;
	if (p->k > w->cfg.puzzle_k_accept)
		return HP_HIPD_PUZZLE_HARD;
	memcpy(s->i, p->i, p->rhash_len);
	until = hp_clock_ms(&hp_clock_monotonic) +
		(p->lifetime < 64 ? (1000ull << (p->lifetime > 32 ? p->lifetime - 32 : 0))
				  : UINT32_MAX);
	while (hp_puzzle_solve(s->rhash, p->k, s->i, w->id->hit.b, w->m.src_hit.b, s->j,
			       1 << 14))
		if (hp_clock_ms(&hp_clock_monotonic) > until)
			return HP_HIPD_PUZZLE_HARD;
	return 0;
}

/* ---- I2 */

/* Section 5.2.18: HOST_ID with PKCS #5 padding, encrypted. */
static void add_encrypted(struct hp_hip_builder *b, const struct r1_work *w)
{
	const struct hp_cipher *c = hp_cipher_find(w->s->cipher);
	size_t len = w->id->host_id_len;
	size_t pad = c->block > 1 ? c->block - len % c->block : 0;
	struct hp_encrypted e = {.iv = w->iv, .len = len + pad};
	uint8_t buf[HP_HIP_MAX + HP_CIPHER_BLOCK_MAX];

	memcpy(buf, w->id->host_id, len);
	memset(buf + len, (int)pad, pad);
	if (hp_cipher_encrypt(c, w->s->hip.out.enc, w->iv, buf, len + pad, buf))
		b->err = -EIO;
	e.data = buf;
	hp_hip_add_encrypted(b, &e, c->iv_len);
}

static void add_signed(struct hp_hip_builder *b, const struct r1_work *w,
		       const struct hp_puzzle *p, const struct hp_echo *echo)
{
	const struct hp_hip_tlv *t;
	const struct hp_secrets *s = w->s;
	const struct hp_esp_info ei = {s->esp_at, 0, s->spi_in};
	const struct hp_solution sol = {p->k, p->opaque, s->i, s->j, p->rhash_len};
	const struct hp_dh_value dh = {s->group, hp_dh_public(s->dh),
				       hp_dh_public_len(s->group)};
	const uint16_t esp = HP_PARAM_ESP_TRANSFORM;

	hp_hip_add_esp_info(b, &ei);
	t = hp_hip_param_find(&w->m, HP_PARAM_R1_COUNTER, 0);
	if (t)
		hp_hip_param(b, HP_PARAM_R1_COUNTER, t->data, t->len);
	hp_hip_add_solution(b, &sol);
	hp_hip_add_dh(b, &dh);
	hp_hip_add_u16list(b, HP_PARAM_HIP_CIPHER, &s->cipher, 1);
	hp_hip_add_offered(b, &w->offer);
	if (w->cfg.encrypt_host_id)
		add_encrypted(b, w);
	else
		hp_hip_param(b, HP_PARAM_HOST_ID, w->id->host_id + 4,
			     hp_get16(w->id->host_id + 2));
	hp_echo_add_signed(b, echo);
	hp_hip_add_u16list(b, HP_PARAM_TRANSPORT_FORMAT_LIST, &esp, 1);
	hp_hip_add_u16list(b, HP_PARAM_ESP_TRANSFORM, &s->suite, 1);
}

static int build_i2(struct r1_work *w, const struct hp_puzzle *p)
{
	struct hp_hip_builder b;
	struct hp_echo echo;

	hp_echo_take(&echo, &w->m);
	hp_hip_begin(&b, w->i2, sizeof(w->i2), HP_HIP_I2, w->id->controls, &w->id->hit,
		     &w->m.src_hit);
	add_signed(&b, w, p, &echo);
	hp_extra_add(&b, w->w.extra);
	w->len = hp_auth_seal(&b, w->s->rhash, &w->s->hip.out, NULL, w->id);
	if (w->len < 0)
		return HP_HIPD_SEND;
	w->len = (int)hp_echo_append(w->i2, (size_t)w->len, &echo);
	return 0;
}

static int work_out(struct r1_work *w)
{
	struct hp_puzzle p;
	int reason = authenticate(w);

	if (!reason)
		reason = choose(w);
	if (!reason)
		reason = w->judged;
	if (!reason &&
	    hp_hip_read_puzzle(hp_hip_param_find(&w->m, HP_PARAM_PUZZLE, 0), &p))
		reason = HP_HIPD_MISSING;
	if (!reason)
		reason = solve(w, &p);
	if (!reason && hp_dh_generate(w->s->group, &w->s->dh))
		reason = HP_HIPD_MEMORY;
	if (!reason)
		reason = hp_secrets_derive(w->s, &w->id->hit, &w->m.src_hit);
	return reason ? reason : build_i2(w, &p);
}

static void r1_run(struct hp_work *work)
{
	struct r1_work *w = HP_CONTAINER(work, struct r1_work, w);

	w->reason = work_out(w);
}

/* ---- on the loop again */

/* Reasons for which another R1 of this peer would be refused as well. */
static bool hopeless(int reason)
{
	return reason == HP_HIPD_HIT_SUITE || reason == HP_HIPD_DH_GROUP ||
	       reason == HP_HIPD_CIPHER || reason == HP_HIPD_TRANSPORT ||
	       reason == HP_HIPD_ESP_SUITE || reason == HP_HIPD_PUZZLE_HARD ||
	       reason == HP_HIPD_NAT_MODE;
}

/* The peer's HIT is known now (section 4.1.8).  Policy says whether to go on. */
static int adopt_hit(struct hp_assoc *a, const struct r1_work *w)
{
	struct hp_hip *hip = a->hip;
	const struct hp_addr *hit = &w->m.src_hit, *at = &w->path.dst;
	char text[2][HP_ADDR_STRLEN];
	struct hp_assoc *other;

	if (hip->cfg.opportunistic_initiator == HP_OPP_PINNED &&
	    (!hip->ops.pin || hip->ops.pin(hip->ops.ctx, at, hit))) {
		hp_log_about(HP_LOG_HIP, HP_LOG_WARNING,
			     &(struct hp_log_about){ .peer = hit, .peer_at = at,
						     .reason = "pin-changed" },
			     "%s answers with HIT %s, but another HIT is pinned for it: refused",
			     hp_addr_format(at, text[0]), hp_addr_format(hit, text[1]));
		a->failure.shown = *hit;
		hp_assoc_fail(a, -EACCES);
		return HP_HIPD_PIN;
	}
	if (hp_hip_is_revoked(hip, hit)) {
		hp_assoc_fail(a, -EKEYREVOKED);
		return HP_HIPD_POLICY;
	}
	other = hp_hip_find(hip, &a->local, hit);
	if (other &&
	    (hp_assoc_is_up(other) || other->state == HP_I2_SENT || other->state == HP_I1_SENT)) {
		a->peer = *hit;
		hp_assoc_fail(a, -EEXIST);
		return HP_HIPD_STATE;
	}
	if (other)
		hp_assoc_remove(other);
	return hp_assoc_rename(a, hit) ? HP_HIPD_LIMIT : 0;
}

/* Did an I1 of this exchange go to the address that this comes from?  Two paths take turns (move.c). */
static bool was_asked(const struct hp_assoc *a, const struct hp_path *path)
{
	return hp_exchange_has_addr(a, &path->dst) || hp_addr_eq(&a->ex.asked.dst, &path->dst) ||
	       (a->state == HP_I1_SENT &&
		(hp_path_same(&a->sent.other, path) || hp_path_same(&a->sent.path, path)));
}

/* Where I2 goes.  The signature of an R1 does not cover its source, so an attacker can get an R1 from
 * the Responder and send it on from another address.  The address that was asked is therefore
 * preferred.  A preferred locator in R1 is signed, and is preferred to both. */
static struct hp_path choose_path(struct hp_assoc *a, const struct r1_work *w)
{
	struct hp_path other = {.sport = 0};
	struct hp_addr locator;

	a->ex.foreign = !was_asked(a, &w->path);
	a->path = a->ex.foreign ? a->ex.asked : w->path;
	if (!hp_locator_of_r1(&w->m, &locator) || hp_addr_eq(&locator, &a->path.dst))
		return other;
	other = a->path;
	a->path.dst = locator;
	memset(&a->path.src, 0, sizeof(a->path.src));
	return other;
}

/* The next exchange begins where the last I1 went, from whatever address is ours now.  The
 * source of the R1 is not authentic. */
static void next_round(struct hp_assoc *a)
{
	a->path = a->ex.asked;
	memset(&a->path.src, 0, sizeof(a->path.src));
	hp_i1_start(a);
}

/* The R1 may have been an old one, or the Responder has restarted. */
static void silent(struct hp_assoc *a, bool refused)
{
	if (refused)
		hp_assoc_fail(a, -ECONNREFUSED);
	else if (++a->ex.rounds < HP_ROUNDS)
		next_round(a);
	else
		hp_assoc_fail(a, -ETIMEDOUT);
}

static const struct hp_sent_how how = { .silent = silent };

static int proceed(struct hp_assoc *a, struct r1_work *w)
{
	struct hp_hip *hip = a->hip;
	struct hp_path other;
	int reason = 0;

	if (a->state != HP_I1_SENT && a->state != HP_I2_SENT)
		return HP_HIPD_STALE;
	if (hp_addr_is_zero(&a->peer))
		reason = adopt_hit(a, w);
	if (reason)
		return reason;
	hp_exchange_drop_next(a);
	a->ex.next = w->s;
	w->s = NULL;
	a->ex.r1_counter = a->ex.next->r1_counter;
	other = choose_path(a, w);
	a->failure.heard = HP_WHY_NONE; /* an error about I1 no longer matters */
	/* Data may come in on the new SA before R2 does. */
	hp_assoc_prepare_in(a, a->ex.next, a->ex.next->spi_in);
	hp_assoc_set_state(a, HP_I2_SENT);
	hp_assoc_transmit(a, &how, &a->path, w->i2, (size_t)w->len,
			  a->ex.rounds + 1 < HP_ROUNDS ? HP_I2_TRIES
						    : hip->cfg.retransmit_max);
	hp_sent_alternate(a, &other);
	return 0;
}

static void r1_done(struct hp_work *work, bool live)
{
	struct r1_work *w = HP_CONTAINER(work, struct r1_work, w);
	struct hp_assoc *a = work->a;
	int reason = live ? w->reason : HP_HIPD_STALE;

	if (live)
		a->base.busy = false;
	if (!reason)
		reason = hp_extra_check(work->hip, a, &w->path, &w->m);
	if (!reason)
		reason = proceed(a, w);
	else if (live && w->trusted && reason == HP_HIPD_HIT_SUITE && a->state == HP_I1_SENT &&
		 hp_instead_begin(a, &w->m))
		reason = 0;
	else if (live && w->trusted && hopeless(reason) && a->state == HP_I1_SENT)
		hp_assoc_fail(a, -EPROTO);
	if (!work->hip->dying)
		hp_hip_drop(work->hip, reason, HP_HIP_R1, &w->m.src_hit, &w->path);
}

static void r1_free(struct hp_work *work)
{
	struct r1_work *w = HP_CONTAINER(work, struct r1_work, w);

	free(work->extra);
	hp_secrets_free(w->s);
	hp_identity_unref(w->id);
	free(w);
}

static struct r1_work *r1_new(const struct hp_rx *rx)
{
	struct r1_work *w = calloc(1, sizeof(*w));
	const struct hp_rand *rand = rx->hip->rand;

	if (!w)
		return NULL;
	w->w.run = r1_run;
	w->w.done = r1_done;
	w->w.free = r1_free;
	w->id = hp_identity_ref(rx->a->id);
	w->cfg = rx->hip->cfg;
	w->path = *rx->path;
	/* Here, for plugins are not asked in jobs. */
	w->judged = hp_path_judge(rx);
	w->offer = hp_path_offer(rx->hip, HP_HIP_I2, rx->path);
	memcpy(w->raw, rx->m->raw, rx->m->len);
	hp_hip_parse(w->raw, rx->m->len, &w->m);
	w->s = hp_secrets_new();
	if (!w->s || hp_rand_fill(rand, w->s->j, sizeof(w->s->j)) ||
	    hp_rand_fill(rand, w->iv, sizeof(w->iv)) ||
	    hp_sadb_new_spi(&rx->hip->sadb, &w->s->spi_in)) {
		r1_free(&w->w);
		return NULL;
	}
	w->s->rhash = hp_rhash_of_suite(hp_hit_suite(&rx->m->src_hit));
	w->w.extra = hp_extra_new(rx->hip, w->id, HP_HIP_I2, &rx->m->src_hit, rx->path, rx->a);
	return w;
}

/* In I2-SENT: may this R1 be the better one?  It is if it is newer (section 4.1.4), if it comes
 * from where we asked and the other one did not, or if I2 has been repeated and nobody has
 * answered.  The same puzzle again would only cost its solution again. */
static bool is_better(const struct hp_rx *rx, bool has_counter, uint64_t counter)
{
	const struct hp_assoc *a = rx->a;
	struct hp_puzzle p;

	if (hp_hip_read_puzzle(hp_hip_param_find(rx->m, HP_PARAM_PUZZLE, 0), &p) ||
	    (p.rhash_len == hp_rhash_len(a->ex.next->rhash) &&
	     !memcmp(p.i, a->ex.next->i, p.rhash_len)))
		return false;
	return (has_counter && counter > a->ex.next->r1_counter) || a->sent.tries ||
	       (a->ex.foreign && was_asked(a, rx->path));
}

/* Section 4.1.4.  A lower counter is accepted after two retransmissions without another answer: the
 * peer may have lost its counter. */
static int check_counter(const struct hp_rx *rx, uint64_t *out)
{
	const struct hp_assoc *a = rx->a;
	const struct hp_hip_tlv *t = hp_hip_param_find(rx->m, HP_PARAM_R1_COUNTER, 0);

	*out = 0;
	if (t && hp_hip_read_r1_counter(t, out))
		return HP_HIPD_MISSING;
	if (a->state == HP_I2_SENT)
		return is_better(rx, t, *out) ? 0 : HP_HIPD_STATE;
	return t && *out < a->ex.r1_counter && a->sent.tries < 2 ? HP_HIPD_R1_COUNTER : 0;
}

int hp_r1_input(const struct hp_rx *rx)
{
	struct hp_assoc *a = rx->a;
	const struct hp_hip_config *c = &rx->hip->cfg;
	uint64_t counter;
	struct r1_work *w;
	int reason;

	if (a->base.busy)
		return HP_HIPD_BUSY;
	if (hp_addr_is_zero(&a->peer) && c->opportunistic_initiator == HP_OPP_OFF)
		return HP_HIPD_OPPORTUNISTIC;
	if (!hp_list_has8(c->hit_suites, c->n_hit_suites, hp_hit_suite(&rx->m->src_hit)))
		return HP_HIPD_HIT_SUITE;
	reason = check_counter(rx, &counter);
	if (reason)
		return reason;
	if (hp_path_taken(rx))
		return 0;
	w = r1_new(rx);
	if (!w)
		return HP_HIPD_MEMORY;
	w->s->r1_counter = counter;
	a->base.busy = true;
	reason = hp_work_start(rx->hip, a, &w->w);
	if (reason)
		a->base.busy = false;
	return reason;
}

void hp_assoc_input(struct hp_assoc *a, const struct hp_path *path, const uint8_t *octets,
		    size_t len)
{
	struct hp_hip *hip = a->hip;
	struct hp_path by = *path;
	uint8_t msg[HP_HIP_MAX];
	struct hp_hip_msg m;
	struct hp_rx rx = {.hip = hip, .path = &by, .m = &m, .id = a->id, .a = a};

	if (a->state != HP_I1_SENT || len > sizeof(msg))
		return;
	memcpy(msg, octets, len);
	if (!hp_hip_parse(msg, len, &m) && m.type == HP_HIP_R1)
		hp_hip_drop(hip, hp_r1_input(&rx), m.type, &m.src_hit, &by);
}
