/* SPDX-License-Identifier: MIT
 *
 * What the pipeline keeps for an association.
 */
#include "pipe/area.h"

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
