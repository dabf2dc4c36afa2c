/* SPDX-License-Identifier: MIT
 *
 * Starting parts in order and stopping them in reverse order (see part.h).
 */
#include "daemon/part.h"

int hp_parts_start(const struct hp_part *const *parts, struct hp_daemon *d, size_t *begun)
{
	int err = 0;

	for (*begun = 0; !err && parts[*begun]; (*begun)++)
		if (parts[*begun]->start)
			err = parts[*begun]->start(d);
	return err;
}

void hp_parts_stop(const struct hp_part *const *parts, struct hp_daemon *d, size_t *begun)
{
	while (*begun) {
		const struct hp_part *part = parts[--*begun];

		if (part->stop)
			part->stop(d);
	}
}

void hp_parts_reload(const struct hp_part *const *parts, struct hp_daemon *d,
		     struct hp_prepared *p)
{
	for (; *parts; parts++)
		if ((*parts)->reload)
			(*parts)->reload(d, p);
}
