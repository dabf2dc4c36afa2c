/* SPDX-License-Identifier: MIT
 *
 * Count-min sketch: see sketch.h.
 */
#include "util/sketch.h"

#include <errno.h>
#include <stdlib.h>

#define COUNTERS_MIN 256u

int hp_sketch_init(struct hp_sketch *s, size_t entries)
{
	uint32_t n = COUNTERS_MIN;

	while (n < HP_SKETCH_MAX && n < entries)
		n *= 2;
	s->rows[0] = calloc(2 * (size_t)n, sizeof(*s->rows[0]));
	if (!s->rows[0])
		return -ENOMEM;
	s->rows[1] = s->rows[0] + n;
	s->mask = n - 1;
	return 0;
}

void hp_sketch_fini(struct hp_sketch *s)
{
	free(s->rows[0]);
	s->rows[0] = s->rows[1] = NULL;
}
