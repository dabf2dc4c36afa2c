/* SPDX-License-Identifier: MIT
 *
 * The base exchange's part of an association.
 */
#include "hip/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "hip/assoc.h"
#include "hip/secrets.h"

void hp_exchange_drop_next(struct hp_assoc *a)
{
	hp_secrets_free(a->ex.next);
	a->ex.next = NULL;
}

void hp_exchange_stop(struct hp_assoc *a)
{
	a->base.epoch++;
	a->base.busy = a->seq.signing = false;
	hp_assoc_sent_clear(a);
	hp_path_anew(a);
	hp_assoc_rekey_clear(a);
	hp_exchange_drop_next(a);
	hp_assoc_drop_next_in(a);
	hp_timer_cancel(a->hip->timers, &a->base.t_state);
}

void hp_exchange_set_addrs(struct hp_assoc *a, const struct hp_addr *addrs, size_t n)
{
	if (n > HP_HIP_LOCATORS)
		n = HP_HIP_LOCATORS;
	if (!n)
		return;
	memcpy(a->ex.addrs, addrs, n * sizeof(*addrs));
	a->ex.n_addrs = n;
	a->ex.addr_at = 0;
	a->path = hp_path_to(a->hip, &a->ex.addrs[0]);
}

bool hp_exchange_has_addr(const struct hp_assoc *a, const struct hp_addr *addr)
{
	for (size_t i = 0; i < a->ex.n_addrs; i++)
		if (hp_addr_eq(&a->ex.addrs[i], addr))
			return true;
	return false;
}

bool hp_exchange_next_addr(struct hp_assoc *a)
{
	if (a->ex.n_addrs < 2)
		return false;
	a->ex.addr_at = (a->ex.addr_at + 1) % a->ex.n_addrs;
	a->path = a->ex.asked = hp_path_to(a->hip, &a->ex.addrs[a->ex.addr_at]);
	return true;
}

void hp_exchange_wanted(struct hp_assoc *a)
{
	if (a->ex.cause == HP_CAUSE_HINT)
		a->ex.cause = HP_CAUSE_LOST;
}

int hp_exchange_keep_r2(struct hp_assoc *a, const uint8_t *msg, size_t len, uint64_t i2_digest)
{
	uint8_t *copy = malloc(len);

	if (!copy)
		return HP_HIPD_MEMORY;
	memcpy(copy, msg, len);
	free(a->ex.r2.msg);
	a->ex.r2 = (struct hp_kept_r2){i2_digest, copy, len};
	return 0;
}
