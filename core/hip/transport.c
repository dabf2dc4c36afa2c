/* SPDX-License-Identifier: MIT
 *
 * The plugin that chooses paths comes, changes what it offers, and takes paths away.
 */
#include "hip/hip.h"

#include "hip/assoc.h"
#include "hip/update.h"

void hp_hip_offers_changed(struct hp_hip *hip)
{
	if (hip->transport.table)
		hp_hip_renew_r1s(hip);
}

void hp_hip_set_transport(struct hp_hip *hip, const struct hp_transport *table,
			  struct hp_instance *self)
{
	hip->transport.table = table;
	hip->transport.self = self;
	/* Those made so far are right if it has nothing to add. */
	if (hp_path_offer(hip, HP_HIP_R1, NULL).type)
		hp_hip_offers_changed(hip);
}

void hp_assoc_lose_path(struct hp_assoc *a, const struct hp_path *path)
{
	a->path = *path;
	hp_sent_redirect(a, &a->path);
	a->addr.verify = HP_VERIFY_NONE;
	if (hp_assoc_is_up(a) && (a->state == HP_ESTABLISHED || a->state == HP_R2_SENT))
		hp_update_gave_up(a);
}
