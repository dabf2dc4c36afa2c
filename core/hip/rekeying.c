/* SPDX-License-Identifier: MIT
 *
 * The end of a rekeying, however it ended.
 */
#include "hip/rekeying.h"

#include "hip/assoc.h"
#include "hip/job.h"
#include "hip/secrets.h"
#include "util/wipe.h"

void hp_assoc_rekey_clear(struct hp_assoc *a)
{
	struct hp_rekey *rk = &a->rk;

	if (hp_rekey_active(rk))
		hp_assoc_drop_next_in(a);
	hp_dh_unref(rk->dh);
	hp_secrets_free(rk->next);
	if (rk->held)
		rk->held->free(rk->held);
	hp_wipe(rk, sizeof(*rk));
}
