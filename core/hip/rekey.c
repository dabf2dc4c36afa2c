/* SPDX-License-Identifier: MIT
 *
 * New ESP SAs by UPDATE (RFC 7402, sections 5.3 and 6.8 to 6.10).
 *
 * Either side may begin, or both at once.  A side is done when its own UPDATE is acknowledged
 * and the peer's ESP_INFO has been received.  No packet under way is lost, by one rule: the peer's
 * ESP_INFO is acknowledged only when our new inbound SA exists, because the peer may use that SA as
 * soon as it has the acknowledgement.  The old inbound SA is kept until data has come by the new
 * one (sas.c), because the peer uses the old one while our acknowledgement is lost.
 */
#include "hip/rekey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hip/espinfo.h"
#include "hip/move.h"
#include "hip/rekeyjob.h"
#include "hip/secrets.h"
#include "hip/updatesend.h"

#define ASK_AGAIN_MS 30000 /* our UPDATE is acknowledged, but no ESP_INFO came */

struct offer { /* the ESP_INFO of an UPDATE that was found authentic */
	const struct hp_hip_msg *m;
	const struct hp_path *path;
	uint32_t id;
	hp_rekey_ack_fn ack;
	struct hp_esp_info ei;
	struct hp_dh_value dh; /* pub is NULL: none */
};

static void came_back(struct hp_assoc *a, struct hp_rekey_work *w);

/* The rekeying has failed.  Our UPDATE for it is not repeated. */
static void give_up(struct hp_assoc *a, int reason)
{
	hp_count(&a->hip->counters, (size_t)reason);
	if (hp_update_is_out(a))
		hp_assoc_sent_clear(a);
	hp_assoc_rekey_clear(a);
}

/* ---- the keys are known */

static int prepare_in(struct hp_assoc *a, struct hp_secrets *next)
{
	hp_secrets_free(a->rk.next);
	a->rk.next = next;
	return hp_assoc_prepare_in(a, next, a->rk.spi_in);
}

static void install(struct hp_assoc *a)
{
	struct hp_secrets *next = a->rk.next;
	int reason;

	next->spi_in = a->rk.spi_in;
	next->spi_out = a->rk.spi_out;
	a->rk.next = NULL;
	reason = hp_assoc_install(a, next);
	if (reason) {
		give_up(a, reason);
		return;
	}
	if (hp_update_is_out(a))
		hp_assoc_sent_clear(a);
	hp_assoc_rekey_clear(a);
	a->sas.rekeys++;
	hp_count(&a->hip->counters, HP_HIPC_REKEYS);
	hp_assoc_event(a, HP_HIP_REKEYED);
}

/* Our acknowledgement must have been sent: the peer may make its inbound SA only on its receipt. */
void hp_rekey_go_on(struct hp_assoc *a)
{
	if (!hp_rekey_active(&a->rk) || !a->rk.acked || !a->rk.next || !a->rk.told)
		return;
	install(a);
	hp_move_to_announced(a);
}

void hp_rekey_told(struct hp_assoc *a)
{
	a->rk.told = a->rk.next != NULL;
	hp_rekey_go_on(a);
}

void hp_rekey_acked(struct hp_assoc *a, uint32_t update_id)
{
	if (hp_rekey_active(&a->rk) && a->rk.update_id == update_id)
		a->rk.acked = true;
}

/* ---- our own UPDATE */

/* The UPDATE also verifies a new address of the peer (RFC 8046, section 3.2.2).  It is sent to no
 * other address then, or an answer would prove nothing. */
static void aim(struct hp_assoc *a, struct hp_rekey_work *w)
{
	const struct hp_addr *addr = hp_locator_wanted(a);
	struct hp_path to = {.sport = a->path.sport, .dport = a->path.dport};

	if (!addr)
		return;
	to.dst = *addr;
	if (hp_verify_begin(a, &to, HP_VERIFY_ANNOUNCED))
		return;
	w->path = to;
	w->ask = true;
	memcpy(w->echo, a->addr.echo, HP_ECHO_LEN);
}

static int start_work(struct hp_assoc *a, struct hp_rekey_work *w)
{
	struct hp_rekey *rk = &a->rk;
	bool repeat = w->mode == HP_REKEY_REPEAT, keys = w->mode == HP_REKEY_KEYS;
	int reason;

	if (!repeat && !keys) {
		rk->update_id = hp_update_claim(a);
		aim(a, w);
	}
	w->update_id = rk->update_id;
	if (keys || w->mode == HP_REKEY_ANSWER)
		rk->job = HP_REKEY_DERIVES;
	else if (w->mode == HP_REKEY_START && w->new_dh)
		rk->job = HP_REKEY_MAKES_DH;
	reason = hp_work_start(a->hip, a, &w->w);
	if (!reason || repeat)
		return reason;
	a->seq.signing = a->seq.signing && keys;
	hp_assoc_rekey_clear(a);
	return reason;
}

/* Begins a rekeying: chooses our new SPI and our KEYMAT index. */
static int begin(struct hp_assoc *a, enum hp_rekey_by by, uint16_t idx)
{
	hp_assoc_rekey_clear(a);
	if (hp_sadb_new_spi(&a->hip->sadb, &a->rk.spi_in))
		return HP_HIPD_MEMORY;
	a->rk.by = by;
	a->rk.started_ms = a->rk.asked_ms = hp_hip_now(a->hip);
	a->rk.my_idx = idx;
	return 0;
}

/* Is enough KEYMAT left from idx on for another pair of SAs? */
static bool keymat_left(const struct hp_secrets *s, size_t idx)
{
	size_t need = 4 * (size_t)HP_KEY_MAX;

	return idx + need <= 255 * hp_rhash_len(s->rhash);
}

int hp_rekey_start(struct hp_assoc *a)
{
	struct hp_rekey_work *w;
	bool dh;

	if (a->state != HP_ESTABLISHED)
		return -ENOTCONN;
	if (hp_rekey_active(&a->rk) || hp_update_under_way(a))
		return -EBUSY;
	dh = a->hip->cfg.rekey_dh || !keymat_left(a->sas.cur, a->sas.cur->km_next);
	if (begin(a, HP_REKEY_OURS, dh ? 0 : (uint16_t)a->sas.cur->km_next))
		return -ENOMEM;
	w = hp_rekey_work_new(a, came_back, HP_REKEY_START, &a->path);
	if (!w) {
		hp_assoc_rekey_clear(a);
		return -ENOMEM;
	}
	w->new_dh = dh;
	return start_work(a, w) ? -EBUSY : 0;
}

/* Our UPDATE of this rekeying: the same ESP_INFO and Diffie-Hellman value as before. */
static struct hp_rekey_work *same_again(struct hp_assoc *a, enum hp_rekey_mode mode)
{
	struct hp_rekey_work *w = hp_rekey_work_new(a, came_back, mode, &a->path);

	if (!w)
		return NULL;
	a->rk.asked_ms = hp_hip_now(a->hip);
	w->dh = a->rk.dh ? hp_dh_ref(a->rk.dh) : NULL;
	w->ack = a->rk.by == HP_REKEY_PEERS;
	w->ack_id = a->rk.ack_id;
	return w;
}

void hp_rekey_repeat(struct hp_assoc *a, bool ask)
{
	struct hp_rekey_work *w;

	if (!hp_rekey_active(&a->rk) || a->rk.acked || a->seq.signing)
		return;
	w = same_again(a, HP_REKEY_REPEAT);
	if (!w)
		return;
	if (ask)
		aim(a, w);
	start_work(a, w);
}

/* A peer that has acknowledged our UPDATE, but sends none of its own, is asked again (section 6.8,
 * step 5).  The SPI stays the same, so that an UPDATE of the peer that is under way still fits. */
static void ask_again(struct hp_assoc *a)
{
	struct hp_rekey_work *w = same_again(a, HP_REKEY_START);

	a->rk.acked = false;
	if (w)
		start_work(a, w);
}

/* If nothing is heard from the peer, this also probes whether it is alive. */
void hp_rekey_look(struct hp_assoc *a, uint64_t now, bool silent)
{
	const struct hp_rekey *rk = &a->rk;
	uint64_t wait = silent ? a->hip->cfg.dead_peer_ms : ASK_AGAIN_MS;

	if (!hp_rekey_active(rk) || hp_update_under_way(a) || rk->job == HP_REKEY_DERIVES ||
	    a->state != HP_ESTABLISHED || now - rk->asked_ms < wait)
		return;
	if (rk->acked)
		ask_again(a);
	else
		hp_rekey_repeat(a, false); /* it was lost here: no memory, or a full queue */
}

/* ---- the peer's UPDATE */

static bool same_dh(const struct hp_rekey *rk, const struct hp_dh_value *dh)
{
	return rk->peer_pub_len == (dh->pub ? dh->pub_len : 0) &&
	       (!dh->pub || !memcmp(rk->peer_pub, dh->pub, dh->pub_len));
}

/* True: it leads to the same keys as the peer's offer before. */
static bool keep_peer(struct hp_rekey *rk, const struct offer *o)
{
	bool same = rk->spi_out && rk->peer_idx == o->ei.keymat_idx && same_dh(rk, &o->dh);

	rk->spi_out = o->ei.new_spi;
	rk->peer_idx = o->ei.keymat_idx;
	rk->peer_pub_len = o->dh.pub ? o->dh.pub_len : 0;
	if (o->dh.pub)
		memcpy(rk->peer_pub, o->dh.pub, o->dh.pub_len);
	return same;
}

static void use_peer_value(const struct hp_assoc *a, struct hp_secrets *s)
{
	if (!a->rk.peer_pub_len)
		return;
	memcpy(s->peer_pub, a->rk.peer_pub, a->rk.peer_pub_len);
	s->peer_pub_len = a->rk.peer_pub_len;
}

/* Section 6.10, with our value and the peer's.  Without new KEYMAT it is done at once. */
static int derive(struct hp_assoc *a, struct hp_rekey_work *w)
{
	struct hp_rekey *rk = &a->rk;
	struct hp_secrets *s = w->s;
	int reason;

	use_peer_value(a, s);
	s->esp_at = rk->my_idx > rk->peer_idx ? rk->my_idx : rk->peer_idx;
	w->dh = rk->dh ? hp_dh_ref(rk->dh) : NULL;
	w->new_keymat = rk->dh || rk->peer_pub_len;
	if (w->new_keymat)
		return start_work(a, w);
	w->s = NULL;
	hp_rekey_work_free(w);
	reason = prepare_in(a, s);
	if (reason)
		give_up(a, reason);
	return reason;
}

/* The peer's ESP_INFO for a rekeying that we have begun as well.  *held: it is acknowledged later. */
static int join(struct hp_assoc *a, const struct offer *o, bool *held)
{
	struct hp_rekey *rk = &a->rk;
	struct hp_rekey_work *w;

	if (keep_peer(rk, o) && rk->next)
		return 0;
	w = hp_rekey_work_new(a, came_back, HP_REKEY_KEYS, o->path);
	if (!w)
		return HP_HIPD_MEMORY;
	w->ack_id = o->id;
	w->ack_fn = o->ack;
	w->len = (int)o->m->len;
	memcpy(w->msg, o->m->raw, o->m->len);
	*held = rk->job == HP_REKEY_MAKES_DH || rk->dh || rk->peer_pub_len;
	if (rk->job != HP_REKEY_MAKES_DH)
		return derive(a, w);
	if (rk->held)
		rk->held->free(rk->held);
	rk->held = &w->w;
	return 0;
}

/* Section 6.9.1. */
static int answer(struct hp_assoc *a, const struct offer *o)
{
	uint16_t next = (uint16_t)a->sas.cur->km_next;
	uint16_t idx = o->ei.keymat_idx > next ? o->ei.keymat_idx : next;
	bool dh = o->dh.pub || !keymat_left(a->sas.cur, idx);
	struct hp_rekey_work *w;
	int reason = begin(a, HP_REKEY_PEERS, dh ? 0 : idx);

	if (reason)
		return reason;
	a->rk.ack_id = o->id;
	keep_peer(&a->rk, o);
	w = hp_rekey_work_new(a, came_back, HP_REKEY_ANSWER, o->path);
	if (!w) {
		hp_assoc_rekey_clear(a);
		return HP_HIPD_MEMORY;
	}
	w->ack = true;
	w->ack_id = o->id;
	hp_echo_take(&w->asked, o->m);
	w->new_dh = w->new_keymat = dh;
	use_peer_value(a, w->s);
	w->s->esp_at = idx;
	return start_work(a, w);
}

static int check(const struct hp_assoc *a, const struct hp_esp_info *ei,
		 const struct hp_dh_value *dh)
{
	if (dh->pub && dh->group != a->sas.cur->group)
		return HP_HIPD_DH_GROUP;
	if (dh->pub && dh->pub_len != hp_dh_public_len(dh->group))
		return HP_HIPD_DH_VALUE;
	if (dh->pub && ei->keymat_idx)
		return HP_HIPD_KEYMAT;
	/* Index 0 without a value of its own: the answer to ours. */
	if (!dh->pub && !a->rk.dh && ei->keymat_idx < a->sas.cur->km_next)
		return HP_HIPD_KEYMAT;
	return 0;
}

/* OLD SPI is the one that the peer gets by the rekeying under way: the peer has finished it, and its
 * acknowledgement was lost. */
static void finish_as_peer(struct hp_assoc *a, const struct hp_esp_info *ei)
{
	if (!hp_rekey_active(&a->rk) || !a->rk.next || a->seq.signing || ei->old_spi != a->rk.spi_out)
		return;
	a->rk.acked = a->rk.told = true;
	hp_rekey_go_on(a);
}

/* Does the offer belong to the rekeying under way?  Not if that only waits for an
 * acknowledgement, and the peer begins anew. */
static bool belongs(const struct hp_rekey *rk, const struct offer *o)
{
	return hp_rekey_active(rk) &&
	       (rk->by != HP_REKEY_PEERS || rk->acked || o->ei.new_spi == rk->spi_out);
}

int hp_rekey_input(struct hp_assoc *a, const struct hp_hip_msg *m, uint32_t id,
		   const struct hp_path *path, hp_rekey_ack_fn ack, bool *held)
{
	const struct hp_hip_tlv *t = hp_hip_param_find(m, HP_PARAM_ESP_INFO, 0);
	const struct hp_hip_tlv *d = hp_hip_param_find(m, HP_PARAM_DIFFIE_HELLMAN, 0);
	struct offer o = {.m = m, .path = path, .id = id, .ack = ack};
	int reason;

	if (!t || hp_hip_read_esp_info(t, &o.ei) || !hp_espinfo_rekeys(&o.ei))
		return 0;
	if (d && hp_hip_read_dh(d, &o.dh))
		return HP_HIPD_MISSING;
	if (a->rk.job == HP_REKEY_DERIVES)
		return HP_HIPD_BUSY;
	finish_as_peer(a, &o.ei);
	reason = check(a, &o.ei, &o.dh);
	if (reason)
		return reason;
	if (belongs(&a->rk, &o))
		return join(a, &o, held);
	*held = true;
	return answer(a, &o);
}

/* ---- jobs come back */

static void acknowledge(struct hp_assoc *a, const struct hp_rekey_work *w)
{
	struct hp_hip_msg m;

	if (!hp_hip_parse(w->msg, (size_t)w->len, &m))
		hp_hip_drop(a->hip, w->ack_fn(a, &m, w->ack_id, &w->path),
			    HP_HIP_UPDATE, &a->peer, &w->path);
}

/* An UPDATE of ours is signed, but for HP_REKEY_KEYS. */
static void transmit(struct hp_assoc *a, const struct hp_rekey_work *w)
{
	if (w->mode == HP_REKEY_REPEAT && (a->rk.acked || a->rk.update_id != w->update_id))
		return;
	hp_update_transmit(a, &w->path, w->msg, (size_t)w->len);
	if (w->ask)
		return;
	/* The peer's UPDATE came from another path: the peer may be there, or still on the old one. */
	if (!hp_path_same(&w->path, &a->path))
		hp_sent_alternate(a, &a->path);
	/* The peer has announced a new address meanwhile. */
	if (w->mode != HP_REKEY_REPEAT && hp_locator_wanted(a))
		hp_rekey_repeat(a, true);
}

/* The peer's ESP_INFO has waited for our Diffie-Hellman value. */
static void release_held(struct hp_assoc *a)
{
	struct hp_work *held = a->rk.held;

	a->rk.held = NULL;
	if (a->rk.job == HP_REKEY_MAKES_DH)
		a->rk.job = HP_REKEY_NO_JOB;
	if (held)
		derive(a, HP_CONTAINER(held, struct hp_rekey_work, w));
}

static void take_keys(struct hp_assoc *a, struct hp_rekey_work *w)
{
	struct hp_secrets *s = w->s;
	int reason;

	a->rk.job = HP_REKEY_NO_JOB;
	w->s = NULL;
	reason = prepare_in(a, s);
	if (reason) {
		give_up(a, reason);
		return;
	}
	if (w->mode == HP_REKEY_ANSWER) {
		hp_seq_record(&a->seq, w->ack_id);
		a->rk.told = true;
		transmit(a, w);
		return;
	}
	acknowledge(a, w);
}

static void take_dh(struct hp_assoc *a, struct hp_rekey_work *w)
{
	if (w->mode == HP_REKEY_KEYS || !w->dh)
		return;
	hp_dh_unref(a->rk.dh);
	a->rk.dh = w->dh;
	w->dh = NULL;
}

static void came_back(struct hp_assoc *a, struct hp_rekey_work *w)
{
	if ((w->mode == HP_REKEY_START || w->mode == HP_REKEY_ANSWER) &&
	    w->update_id == a->seq.out_id)
		a->seq.signing = false;
	if (!hp_rekey_active(&a->rk) || a->rk.spi_in != w->ei.new_spi)
		return;
	if (w->reason && w->mode == HP_REKEY_REPEAT)
		return;
	if (w->reason) {
		give_up(a, w->reason);
		return;
	}
	take_dh(a, w);
	if (w->mode == HP_REKEY_ANSWER || w->mode == HP_REKEY_KEYS) {
		take_keys(a, w);
		return;
	}
	transmit(a, w);
	if (w->mode == HP_REKEY_START)
		release_held(a);
}
