/* SPDX-License-Identifier: MIT
 *
 * Intrusive doubly linked list: a ring with a head.
 *
 *	struct hp_list waiting;  hp_list_init(&waiting);
 *	hp_list_add_tail(&waiting, &x->node);
 *	struct x *x = HP_CONTAINER(hp_list_first(&waiting), struct x, node);
 */
#ifndef HP_UTIL_LIST_H
#define HP_UTIL_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct hp_list {
	struct hp_list *next, *prev;
};

#define HP_CONTAINER(ptr, type, member) \
	((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/* n walks the nodes; in the second form the body may unlink n. */
#define HP_LIST_EACH(n, head) for (n = (head)->next; n != (head); n = n->next)
#define HP_LIST_EACH_SAFE(n, tmp, head) \
	for (n = (head)->next, tmp = n->next; n != (head); n = tmp, tmp = n->next)

static inline void hp_list_init(struct hp_list *l)
{
	l->next = l->prev = l;
}

static inline bool hp_list_empty(const struct hp_list *head)
{
	return head->next == head;
}

/* Is this node, once initialised, in some list? */
static inline bool hp_list_linked(const struct hp_list *node)
{
	return node->next && node->next != node;
}

static inline void hp_list_insert(struct hp_list *after, struct hp_list *node)
{
	node->prev = after;
	node->next = after->next;
	after->next->prev = node;
	after->next = node;
}

static inline void hp_list_add(struct hp_list *head, struct hp_list *node)
{
	hp_list_insert(head, node);
}

static inline void hp_list_add_tail(struct hp_list *head, struct hp_list *node)
{
	hp_list_insert(head->prev, node);
}

/* Unlinks; the node is left initialised, so a second call is harmless. */
static inline void hp_list_del(struct hp_list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	hp_list_init(node);
}

/* First and last node, NULL when empty. */
static inline struct hp_list *hp_list_first(const struct hp_list *head)
{
	return head->next == head ? NULL : head->next;
}

static inline struct hp_list *hp_list_last(const struct hp_list *head)
{
	return head->prev == head ? NULL : head->prev;
}

static inline struct hp_list *hp_list_pop(struct hp_list *head)
{
	struct hp_list *n = hp_list_first(head);

	if (n)
		hp_list_del(n);
	return n;
}

/* Moves all nodes of from to the end of to; from is empty afterwards. */
static inline void hp_list_splice_tail(struct hp_list *to, struct hp_list *from)
{
	if (hp_list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	hp_list_init(from);
}

#endif
