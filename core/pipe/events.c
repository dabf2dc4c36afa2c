/* SPDX-License-Identifier: MIT
 *
 * What the pipeline keeps for an association, and what it does when one comes up or goes.
 */
#include "pipe/internal.h"

#include <errno.h>
#include <stdlib.h>

struct hp_pipe_assoc *hp_pipe_assoc_area(struct hp_assoc *a)
{
	void **slot = hp_assoc_udata(a);
	struct hp_pipe_assoc *pa = *slot;

	if (pa)
		return pa;
	pa = calloc(1, sizeof(*pa));
	if (!pa)
		return NULL;
	hp_list_init(&pa->flows);
	hp_list_init(&pa->waiting);
	*slot = pa;
	return pa;
}

void hp_pipe_assoc_stats(struct hp_assoc *a, uint64_t packets[2], uint64_t octets[2],
			 unsigned int *mtu)
{
	const struct hp_pipe_assoc *pa = *hp_assoc_udata(a);

	for (int i = 0; i < 2; i++) {
		packets[i] = pa ? pa->packets[i] : 0;
		octets[i] = pa ? pa->octets[i] : 0;
	}
	*mtu = pa ? pa->mtu : 0;
}

bool hp_pipe_assoc_in_use(const struct hp_assoc *a)
{
	const struct hp_pipe_assoc *pa = *hp_assoc_udata((struct hp_assoc *)a);

	return pa && !hp_list_empty(&pa->flows);
}

static bool is_of(const struct hp_packet *p, const void *assoc)
{
	return p->assoc == assoc;
}

/* Nothing of this round may lead to it any more. */
static void forget(struct hp_pipe *pipe, struct hp_assoc *a)
{
	hp_pipe_run_forget(pipe, a);
	pipe->drops[HP_DROP_NO_SA] += hp_coalesce_purge(&pipe->coalesce, is_of, a);
	pipe->drops[HP_DROP_NO_SA] += hp_pipe_ahead_forget(pipe, a);
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
	case HP_HIP_REKEYED: /* perhaps with another suite: other sizes */
		if (pa)
			new_keys(pa);
		break;
	case HP_HIP_PATH_CHANGED:
		if (pa)
			pa->mtu = 0;
		tell(pipe, a, HP_EVENT_LOCATOR_CHANGED);
		break;
	case HP_HIP_GONE:
		forget(pipe, a);
		area_free(pipe, a);
		break;
	}
}
