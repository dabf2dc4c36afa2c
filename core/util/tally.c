/* SPDX-License-Identifier: MIT
 *
 * Counts by owner: see tally.h.
 */
#include "util/tally.h"

#include <errno.h>
#include <stdlib.h>

#include "util/list.h"

struct owner {
	struct hp_hnode node;
	uint32_t n;
};

int hp_tally_init(struct hp_tally *t)
{
	return hp_htab_init(&t->owners, 0);
}

static int free_one(struct hp_hnode *n, void *arg)
{
	hp_htab_del(arg, n);
	free(HP_CONTAINER(n, struct owner, node));
	return 0;
}

void hp_tally_fini(struct hp_tally *t)
{
	if (!t->owners.slots)
		return;
	hp_htab_each(&t->owners, free_one, &t->owners);
	hp_htab_fini(&t->owners);
}

static bool any(const struct hp_hnode *n, const void *key)
{
	(void)n, (void)key;
	return true; /* the hash is all there is to compare */
}

static struct owner *find(const struct hp_tally *t, uint64_t owner)
{
	struct hp_hnode *n = hp_htab_find(&t->owners, owner, any, NULL);

	return n ? HP_CONTAINER(n, struct owner, node) : NULL;
}

uint32_t hp_tally_get(const struct hp_tally *t, uint64_t owner)
{
	const struct owner *o = find(t, owner);

	return o ? o->n : 0;
}

int hp_tally_add(struct hp_tally *t, uint64_t owner)
{
	struct owner *o = find(t, owner);

	if (!o) {
		o = calloc(1, sizeof(*o));
		if (!o)
			return -ENOMEM;
		if (hp_htab_add(&t->owners, &o->node, owner)) {
			free(o);
			return -ENOMEM;
		}
	}
	o->n++;
	return 0;
}

void hp_tally_sub(struct hp_tally *t, uint64_t owner)
{
	struct owner *o = find(t, owner);

	if (!o || --o->n)
		return;
	hp_htab_del(&t->owners, &o->node);
	free(o);
}
