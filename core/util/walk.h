/* SPDX-License-Identifier: MIT
 *
 * A walk through a list that takes many steps, while others add and remove between them.
 *
 * Whoever owns the list tells of each node before it is removed.  Then a node that is in the list
 * from the first step to the last is met exactly once, as long as nodes are added at the end and
 * keep their places.
 */
#ifndef HP_UTIL_WALK_H
#define HP_UTIL_WALK_H

#include "util/list.h"

struct hp_walk {
	struct hp_list of_walks;
	struct hp_list *next; /* the node to be met next, or the list's head */
};

/* walks: the owner's, initialised, all walks of one list.  w stays in place until it is stopped. */
static inline void hp_walk_start(struct hp_list *walks, struct hp_walk *w, struct hp_list *head)
{
	w->next = head->next;
	hp_list_add(walks, &w->of_walks);
}

/* NULL: the walk is at the end. */
static inline struct hp_list *hp_walk_next(struct hp_walk *w, const struct hp_list *head)
{
	struct hp_list *n = w->next;

	if (n == head)
		return NULL;
	w->next = n->next;
	return n;
}

static inline void hp_walk_stop(struct hp_walk *w)
{
	hp_list_del(&w->of_walks);
}

/* node is about to be removed from the list. */
static inline void hp_walks_leave(struct hp_list *walks, const struct hp_list *node)
{
	struct hp_list *n;

	HP_LIST_EACH(n, walks)
	{
		struct hp_walk *w = HP_CONTAINER(n, struct hp_walk, of_walks);

		if (w->next == node)
			w->next = node->next;
	}
}

#endif
