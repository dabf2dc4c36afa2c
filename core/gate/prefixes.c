/* SPDX-License-Identifier: MIT
 *
 * Lists of prefixes; sorted ones without doubles: what was learned.
 */
#include "gate/gate.h"

#include <stdlib.h>
#include <string.h>

int hp_gate_prefixes_add(struct hp_gate_prefixes *list, const struct hp_prefix *at, size_t n)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++)
		err = hp_gate_prefix_add(list, &at[i]);
	return err;
}

/* The index of p, or where it belongs. */
static size_t place(const struct hp_gate_prefixes *list, const struct hp_prefix *p, bool *found)
{
	size_t from = 0, to = list->n;

	*found = false;
	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int c = hp_addr_cmp(&list->at[mid].addr, &p->addr);

		if (!c)
			c = (int)list->at[mid].bits - (int)p->bits;
		if (!c) {
			*found = true;
			return mid;
		}
		if (c < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

int hp_gate_prefix_insert(struct hp_gate_prefixes *list, const struct hp_prefix *p)
{
	bool found;
	size_t at = place(list, p, &found);
	int err;

	if (found)
		return 0;
	err = hp_gate_prefix_add(list, p);
	if (err)
		return err;
	memmove(&list->at[at + 1], &list->at[at], (list->n - 1 - at) * sizeof(*list->at));
	list->at[at] = *p;
	return 1;
}

bool hp_gate_prefix_remove(struct hp_gate_prefixes *list, const struct hp_prefix *p)
{
	bool found;
	size_t at = place(list, p, &found);

	if (!found)
		return false;
	memmove(&list->at[at], &list->at[at + 1], (--list->n - at) * sizeof(*list->at));
	return true;
}

void hp_gate_prefixes_free(struct hp_gate_prefixes *list)
{
	free(list->at);
	*list = (struct hp_gate_prefixes){ 0 };
}
