/* SPDX-License-Identifier: MIT
 *
 * What the pipeline does when an association comes up, changes or ends.
 */
#include <errno.h>
#include <stdlib.h>

#include "pipe/area.h"
#include "pipe/backend.h"
#include "pipe/burst.h"
#include "pipe/pathmtu.h"
#include "pipe/resolve.h"
#include "pipe/seal.h"
#include "pipe/trace.h"

static bool is_of(const struct hp_packet *p, const void *assoc)
{
	return p->assoc == assoc;
}

/* The burst in hand must not refer to it any more. */
static void forget(struct hp_pipe *pipe, struct hp_assoc *a)
{
	hp_pipe_run_forget(pipe, a);
	hp_burst_forget(pipe, a);
	hp_pipe_drop_count(pipe, HP_DROP_NO_SA, hp_coalesce_purge(&pipe->coalesce, is_of, a));
}

static void area_free(struct hp_pipe *pipe, struct hp_assoc *a)
{
	void **slot = hp_assoc_udata(a);
	struct hp_pipe_assoc *pa = *slot;
	struct hp_list *n, *tmp;

	if (!pa)
		return;
	HP_LIST_EACH_SAFE (n, tmp, &pa->flows)
		hp_flow_bind(hp_flow_of(n), NULL, NULL);
	hp_pipe_wake(pipe, pa, a, -ENOTCONN);
	*slot = NULL;
	free(pa);
}

static void tell(struct hp_pipe *pipe, struct hp_assoc *a, enum hp_event event)
{
	struct hp_event_info info = { .event = event, .assoc = a };

	hp_registry_event(pipe->d.registry, &info);
}

static void new_keys(struct hp_pipe_assoc *pa)
{
	pa->mtu = 0;
	hp_pipe_pmtu_new_keys(&pa->pmtu);
}

void hp_pipe_assoc_event(struct hp_pipe *pipe, struct hp_assoc *a, int event)
{
	struct hp_pipe_assoc *pa = hp_pipe_assoc_area(a);

	switch (event) {
	case HP_HIP_UP:
		if (pa) {
			new_keys(pa);
			hp_pipe_wake(pipe, pa, a, 0);
		}
		tell(pipe, a, HP_EVENT_ASSOC_UP);
		break;
	case HP_HIP_DOWN:
		tell(pipe, a, HP_EVENT_ASSOC_DOWN);
		break;
	case HP_HIP_FAILED:
		if (pa)
			hp_pipe_wake(pipe, pa, a, hp_assoc_error(a));
		break;
	case HP_HIP_REKEYED: /* perhaps with another suite, so sizes change */
		if (pa)
			new_keys(pa);
		break;
	case HP_HIP_PATH_CHANGED:
		if (pa)
			pa->mtu = 0;
		tell(pipe, a, HP_EVENT_LOCATOR_CHANGED);
		break;
	case HP_HIP_GONE:
		hp_pipe_backend_forget(pipe, a);
		forget(pipe, a);
		area_free(pipe, a);
		break;
	}
}
