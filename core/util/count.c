/* SPDX-License-Identifier: MIT
 *
 * Counter sets.
 */
#include "util/count.h"

#include <string.h>

int hp_count_find(const struct hp_counters *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->table[i].name, name))
			return (int)i;
	return -1;
}

void hp_count_reset(const struct hp_counters *c)
{
	if (c->n)
		memset(c->values, 0, c->n * sizeof(*c->values));
}
