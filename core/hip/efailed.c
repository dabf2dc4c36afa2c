/* SPDX-License-Identifier: MIT
 *
 * An exchange fails: E-FAILED (RFC 7401, section 4.4.2).
 */
#include "hip/efailed.h"

#include "hip/ask.h"

void hp_assoc_fail(struct hp_assoc *a, int error)
{
	struct hp_hip *hip = a->hip;

	hp_exchange_stop(a);
	hp_failure_note(a, error);
	hp_count(&hip->counters, HP_HIPC_FAILED);
	hp_assoc_set_state(a, HP_E_FAILED);
	hp_assoc_state_after(a, 1000ull * hip->cfg.e_failed_s);
	hp_assoc_down(a);
	hp_assoc_event(a, HP_HIP_FAILED);
	if (a->failure.why == HP_WHY_SILENT)
		hp_ask_start(a);
}
