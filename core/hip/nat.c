/* SPDX-License-Identifier: MIT
 *
 * UDP encapsulation (RFC 5770, mode UDP-ENCAPSULATION) is switched on and off.  Its other parts:
 * natpath.c (which way), natmodes.c (negotiation), natwait.c (both ways at once), natalive.c
 * (keepalives), move.c (a mapping has changed).
 */
#include "hip/hip.h"

#include "hip/assoc.h"
#include "hip/r1pool.h"
#include "hip/update.h"
#include "hip/updatesend.h"

static int move(struct hp_assoc *a, void *arg)
{
	struct hp_hip *hip = arg;
	bool udp = a->path.dport != 0, want = hip->nat.mode != HP_NAT_OFF;
	struct hp_path path = {.dst = a->path.dst};

	if (udp == want || a->state != HP_ESTABLISHED || hp_rekey_active(&a->rk) || a->seq.signing)
		return 0;
	if (want)
		path.sport = path.dport = hip->nat.port;
	hp_hip_drop(hip, hp_update_check(a, &path), HP_HIP_UPDATE, &a->peer, NULL);
	return 0;
}

void hp_hip_set_nat(struct hp_hip *hip, const struct hp_hip_nat *nat)
{
	bool offered = hip->nat.mode != HP_NAT_OFF, offer = nat->mode != HP_NAT_OFF;
	bool moved = hip->nat.mode != nat->mode;

	hip->nat = *nat;
	if (offered != offer)
		hp_hip_renew_r1s(hip);
	if (moved)
		hp_hip_each(hip, move, hip);
}

static int count_udp(struct hp_assoc *a, void *arg)
{
	if (a->path.dport)
		(*(size_t *)arg)++;
	return 0;
}

size_t hp_hip_nat_count(const struct hp_hip *hip)
{
	size_t n = 0;

	hp_hip_each((struct hp_hip *)hip, count_udp, &n);
	return n;
}

static int leave(struct hp_assoc *a, void *arg)
{
	(void)arg;
	if (!a->path.dport)
		return 0;
	a->path = (struct hp_path){.dst = a->path.dst};
	hp_sent_redirect(a, &a->path);
	a->addr.verify = HP_VERIFY_NONE;
	if (hp_assoc_is_up(a) && (a->state == HP_ESTABLISHED || a->state == HP_R2_SENT))
		hp_update_gave_up(a);
	return 0;
}

void hp_hip_nat_shut(struct hp_hip *hip)
{
	hp_hip_each(hip, leave, NULL);
}
