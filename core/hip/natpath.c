/* SPDX-License-Identifier: MIT
 *
 * The choice between native and UDP paths (RFC 5770, sections 4.1 and 4.9).
 */
#include "hip/natpath.h"

#include <stdlib.h>

#include "hip/assoc.h"

bool hp_nat_same(const struct hp_path *a, const struct hp_path *b)
{
	return a->dport == b->dport && hp_addr_eq(&a->dst, &b->dst);
}

struct hp_path hp_nat_path(const struct hp_hip *hip, const struct hp_addr *dst)
{
	struct hp_path p = {.dst = *dst};

	if (hip->nat.mode == HP_NAT_UDP)
		p.sport = p.dport = hip->nat.port;
	return p;
}

void hp_nat_fit(struct hp_assoc *a)
{
	enum hp_nat_mode mode = a->hip->nat.mode;
	bool udp = a->path.dport != 0;

	if ((mode == HP_NAT_UDP && !udp) || (mode == HP_NAT_OFF && udp))
		a->path = hp_nat_path(a->hip, &a->path.dst);
}

/* A peer behind a NAT, at another port than ours, can be reached in one way only. */
bool hp_nat_other(const struct hp_assoc *a, struct hp_path *other)
{
	const struct hp_hip_nat *nat = &a->hip->nat;
	const struct hp_path *p = &a->sent.path;

	if (nat->mode != HP_NAT_AUTO || (p->dport && p->dport != nat->port))
		return false;
	*other = (struct hp_path){.dst = p->dst};
	if (!p->dport)
		other->sport = other->dport = nat->port;
	return true;
}

bool hp_nat_reaches(const struct hp_assoc *a, const struct hp_path *path)
{
	struct hp_path other;

	return !path->dport || hp_nat_same(path, &a->path) ||
	       (hp_nat_other(a, &other) && hp_nat_same(path, &other));
}

void hp_nat_wait_clear(struct hp_assoc *a)
{
	hp_timer_cancel(a->hip->timers, &a->nat.t_r1);
	free(a->nat.r1);
	a->nat.r1 = NULL;
}
