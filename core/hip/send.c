/* SPDX-License-Identifier: MIT
 *
 * Sending, and sending again (RFC 7401, section 4.4.3: timers with exponential backoff).
 */
#include "hip/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int hp_hip_send(struct hp_hip *hip, const struct hp_path *path, uint8_t *msg, size_t len)
{
	struct hp_path p = *path;
	int err = 0;

	if (hp_addr_is_zero(&p.src))
		err = hip->ops.source ? hip->ops.source(hip->ops.ctx, &p.dst, &p.src) : -EINVAL;
	if (err) {
		hp_count(&hip->counters, HP_HIPD_SEND);
		return err;
	}
	/* RFC 5770, section 5.1: zero inside UDP. */
	hp_put16(msg + HP_HIP_OFF_CSUM, 0);
	if (!p.dport)
		hp_hip_checksum_set(msg, len, &p.src, &p.dst);
	hp_count(&hip->counters, HP_HIPC_OUT);
	hip->ops.send(hip->ops.ctx, &p, msg, len);
	return 0;
}

/* An I1 tries the peer's addresses in turn. */
static void next_address(struct hp_assoc *a)
{
	if (a->state != HP_I1_SENT || a->n_addrs < 2)
		return;
	a->addr_at = (a->addr_at + 1) % a->n_addrs;
	a->path = hp_nat_path(a->hip, &a->addrs[a->addr_at]);
	a->sent.path = a->asked = a->path;
}

/* RFC 8047, section 4.2.8: I2 goes to the locator that R1 prefers.  It may be wrong, or not be
 * reached from here: every second time I2 goes where I1 went.  An answer for new SAs goes to where
 * the peer's UPDATE came from, and in the same way to the address in use. */
static void other_path(struct hp_sent *s)
{
	struct hp_path path = s->path;

	if (hp_addr_is_zero(&s->other.dst))
		return;
	s->path = s->other;
	s->other = path;
}

/* Another round begins where the last I1 went, from whatever address is ours now.  What the R1's
 * source was is nobody's word. */
static void next_round(struct hp_assoc *a)
{
	a->path = a->asked;
	memset(&a->path.src, 0, sizeof(a->path.src));
	hp_i1_start(a);
}

/* Nobody answered: what that means depends on what was asked. */
static void gave_up(struct hp_assoc *a)
{
	bool update = a->update_out, refused = a->sent.doubted;

	hp_assoc_sent_clear(a);
	if (refused && (a->state == HP_I1_SENT || a->state == HP_I2_SENT)) {
		hp_assoc_fail(a, -ECONNREFUSED);
		return;
	}
	switch (a->state) {
	case HP_I1_SENT:
		if (a->hinted)
			hp_assoc_remove(a); /* nobody was there, or nobody wants us */
		else
			hp_assoc_fail(a, -ETIMEDOUT);
		break;
	case HP_I2_SENT:
		/* The R1 may have been an old one, or the Responder has restarted. */
		if (++a->rounds < HP_ROUNDS)
			next_round(a);
		else
			hp_assoc_fail(a, -ETIMEDOUT);
		break;
	case HP_CLOSING:
		hp_assoc_remove(a);
		break;
	default:
		if (update)
			hp_update_gave_up(a);
	}
}

/* On its path, and an I1 perhaps on a second one, which is then the better: first. */
static void put(struct hp_assoc *a)
{
	struct hp_sent *s = &a->sent;
	struct hp_path other;

	if (a->state == HP_I1_SENT && hp_nat_other(a, &other))
		hp_hip_send(a->hip, &other, s->msg, s->len);
	if (hp_hip_send(a->hip, &s->path, s->msg, s->len) && a->state == HP_I1_SENT)
		a->heard = HP_WHY_NO_ROUTE;
}

static void again(struct hp_timer *t)
{
	struct hp_assoc *a = HP_CONTAINER(t, struct hp_assoc, sent.timer);
	struct hp_hip *hip = a->hip;
	struct hp_sent *s = &a->sent;

	if (s->tries >= s->max && !(a->update_out && hp_update_goes_on(a))) {
		gave_up(a);
		return;
	}
	s->tries++;
	s->wait_ms *= 2;
	if (s->wait_ms > hip->cfg.retransmit_max_ms)
		s->wait_ms = hip->cfg.retransmit_max_ms;
	next_address(a);
	other_path(s);
	hp_count(&hip->counters, HP_HIPC_RETRANSMITTED);
	hp_timer_set(hip->timers, t, hp_hip_now(hip) + s->wait_ms);
	put(a);
}

void hp_assoc_transmit(struct hp_assoc *a, const struct hp_path *path, const uint8_t *msg,
		       size_t len, unsigned max)
{
	struct hp_hip *hip = a->hip;
	struct hp_sent *s = &a->sent;

	hp_assoc_sent_clear(a);
	s->msg = malloc(len);
	if (!s->msg) {
		hp_count(&hip->counters, HP_HIPD_MEMORY);
		return;
	}
	memcpy(s->msg, msg, len);
	s->path = *path;
	s->len = len;
	s->first_ms = hp_hip_now(hip);
	s->max = max;
	s->wait_ms = hip->cfg.retransmit_ms;
	hp_timer_init(&s->timer, again);
	hp_timer_set(hip->timers, &s->timer, hp_hip_now(hip) + s->wait_ms);
	put(a);
}

void hp_assoc_doubt(struct hp_assoc *a)
{
	struct hp_sent *s = &a->sent;

	if (s->doubted)
		return;
	s->doubted = true;
	if (s->max > s->tries + 1)
		s->max = s->tries + 1;
}

void hp_assoc_sent_clear(struct hp_assoc *a)
{
	hp_timer_cancel(a->hip->timers, &a->sent.timer);
	free(a->sent.msg);
	memset(&a->sent, 0, sizeof(a->sent));
	a->update_out = false;
}
