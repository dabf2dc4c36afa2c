/* SPDX-License-Identifier: MIT
 *
 * Why an exchange failed.
 */
#include "hip/failure.h"

#include <errno.h>
#include <string.h>

#include "hip/assoc.h"

static enum hp_hip_why why_of(const struct hp_assoc *a, int error)
{
	switch (error) {
	case -ETIMEDOUT:
		if (a->state == HP_I2_SENT)
			return HP_WHY_NO_R2;
		return a->failure.heard ? a->failure.heard : HP_WHY_SILENT;
	case -ECONNREFUSED:
		return a->failure.heard ? a->failure.heard : HP_WHY_REFUSED;
	case -EACCES:
		return HP_WHY_OTHER_KEY;
	case -EKEYREVOKED:
		return HP_WHY_REVOKED;
	case -EPROTO:
		return HP_WHY_NO_COMMON;
	case -ENOMEM:
		return HP_WHY_MEMORY;
	default: /* -EEXIST: another association has the peer */
		return HP_WHY_NONE;
	}
}

void hp_failure_note(struct hp_assoc *a, int error)
{
	a->failure.error = error;
	a->failure.why = why_of(a, error);
}

void hp_failure_clear(struct hp_assoc *a)
{
	a->failure.why = HP_WHY_NONE;
	memset(&a->failure.shown, 0, sizeof(a->failure.shown));
}

void hp_failure_ask(struct hp_assoc *a)
{
	hp_failure_unask(a);
	hp_list_add_tail(&a->hip->asking, &a->failure.asking);
	a->hip->n_asking++;
	a->failure.asked_ms = hp_hip_now(a->hip);
}

void hp_failure_unask(struct hp_assoc *a)
{
	if (hp_list_linked(&a->failure.asking))
		a->hip->n_asking--;
	hp_list_del(&a->failure.asking);
}

int hp_assoc_error(const struct hp_assoc *a)
{
	return a->failure.error;
}

enum hp_hip_why hp_assoc_why(const struct hp_assoc *a)
{
	return a->state == HP_I1_SENT && a->failure.heard ? a->failure.heard : a->failure.why;
}

const struct hp_addr *hp_assoc_shown_hit(const struct hp_assoc *a)
{
	return &a->failure.shown;
}
