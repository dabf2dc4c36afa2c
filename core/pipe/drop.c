/* SPDX-License-Identifier: MIT
 *
 * Names of the drop reasons.
 */
#include "pipe/drop.h"

#include <stddef.h>

static const struct {
	const char *name, *help;
} reasons[HP_DROP_MAX] = {
#define X(e, n, h) [HP_DROP_##e] = { n, h },
	HP_DROP_REASONS(X)
#undef X
};

const char *hp_drop_name(enum hp_drop_reason r)
{
	return (unsigned int)r < HP_DROP_MAX ? reasons[r].name : "?";
}

const char *hp_drop_help(enum hp_drop_reason r)
{
	return (unsigned int)r < HP_DROP_MAX ? reasons[r].help : "?";
}
