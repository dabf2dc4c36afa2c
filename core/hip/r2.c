/* SPDX-License-Identifier: MIT
 *
 * R2 is received, and the association is established (RFC 7401, section 6.10; RFC 7402, section 6.6).
 */
#include "hip/r2.h"

#include <errno.h>

#include "hip/assoc.h"
#include "hip/auth.h"
#include "hip/efailed.h"
#include "hip/life.h"
#include "hip/secrets.h"
#include "hip/updatesend.h"

static int check_esp_info(const struct hp_secrets *s, const struct hp_hip_msg *m,
			  struct hp_esp_info *ei)
{
	if (hp_hip_read_esp_info(hp_hip_param_find(m, HP_PARAM_ESP_INFO, 0), ei))
		return HP_HIPD_MISSING;
	/* RFC 7402, section 5.1.1: there is no old SPI yet. */
	if (ei->old_spi || ei->new_spi < 256)
		return HP_HIPD_SPI;
	/* Both sides must draw keys from the index in our I2. */
	return ei->keymat_idx == s->esp_at ? 0 : HP_HIPD_KEYMAT;
}

static int verified(struct hp_assoc *a, const struct hp_verified *v,
		    const struct hp_path *path)
{
	struct hp_hip *hip = a->hip;
	struct hp_secrets *s = a->ex.next;
	bool was_up = hp_assoc_is_up(a);
	struct hp_esp_info ei;
	int reason;

	if (a->state != HP_I2_SENT)
		return HP_HIPD_STALE;
	reason = check_esp_info(s, hp_verified_msg(v), &ei);
	if (reason)
		return reason;
	s->spi_out = ei.new_spi;
	a->ex.next = NULL;
	hp_assoc_sent_clear(a);
	hp_assoc_reset(a);
	reason = hp_assoc_install(a, s);
	if (reason) {
		hp_assoc_fail(a, -ENOMEM);
		return reason;
	}
	a->path = *path;
	a->ex.rounds = 0;
	a->ex.took_us = (uint32_t)(hp_clock_us(hip->clock) - a->ex.started_us);
	hp_count(&hip->counters, HP_HIPC_BEX_INITIATOR);
	hp_assoc_established(a);
	hp_assoc_met(a);
	hp_assoc_watch(a);
	hp_assoc_event(a, was_up ? HP_HIP_REKEYED : HP_HIP_UP);
	if (a->ex.cause != HP_CAUSE_DATA && a->state == HP_ESTABLISHED)
		hp_update_probe(a);
	a->ex.cause = HP_CAUSE_DATA;
	return 0;
}

int hp_r2_input(const struct hp_rx *rx)
{
	struct hp_assoc *a = rx->a;
	int reason = a->base.busy ? HP_HIPD_BUSY : hp_auth_mac2(a->ex.next, rx->m);

	return reason ? reason : hp_auth_start(rx, a->ex.next->peer_key, verified);
}
