/* SPDX-License-Identifier: MIT
 *
 * I1 has left both ways (RFC 5770, section 4.9): UDP is preferred if both are answered.
 */
#include "hip/natwait.h"

#include <stdlib.h>
#include <string.h>

#include "hip/assoc.h"
#include "hip/natmodes.h"

static void waited(struct hp_timer *t)
{
	struct hp_assoc *a = HP_CONTAINER(t, struct hp_assoc, nat.t_r1);
	struct hp_path path = a->nat.r1_path;
	uint8_t msg[HP_HIP_MAX];
	struct hp_hip_msg m;
	struct hp_rx rx = {.hip = a->hip, .path = &path, .m = &m, .id = a->id, .a = a};

	if (!a->nat.r1 || a->state != HP_I1_SENT)
		return;
	/* nat.r1 stays, as a mark that an R1 has waited; the copy is what is read. */
	memcpy(msg, a->nat.r1, a->nat.r1_len);
	if (!hp_hip_parse(msg, a->nat.r1_len, &m))
		hp_hip_drop(a->hip, a->nat.then(&rx), m.type, &m.src_hit, rx.path);
}

/* Nothing in it is authenticated yet: a forged one costs a moment, no more. */
bool hp_nat_wait(const struct hp_rx *rx, hp_rx_fn then)
{
	struct hp_assoc *a = rx->a;
	struct hp_nat_assoc *n = &a->nat;
	struct hp_path other;

	if (rx->path->dport || n->r1 || a->state != HP_I1_SENT || !hp_nat_offers_udp(rx->m) ||
	    !hp_nat_other(a, &other))
		return false;
	n->r1 = malloc(rx->m->len);
	if (!n->r1)
		return false;
	memcpy(n->r1, rx->m->raw, rx->m->len);
	n->r1_len = rx->m->len;
	n->r1_path = *rx->path;
	n->then = then;
	hp_timer_init(&n->t_r1, waited);
	hp_timer_set(a->hip->timers, &n->t_r1, hp_hip_now(a->hip) + HP_NAT_GRACE_MS);
	return true;
}
