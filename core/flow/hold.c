/* SPDX-License-Identifier: MIT
 *
 * Hold queue: see hold.h.
 */
#include "flow/hold.h"

#include <errno.h>

int hp_hold_add(struct hp_hold_pool *pool, struct hp_hold *h, struct hp_packet *p)
{
	if (h->packets >= pool->max_packets || pool->packets >= pool->max_total_packets ||
	    p->len > pool->max_octets || h->octets > pool->max_octets - p->len) {
		pool->overflows++;
		return -ENOBUFS;
	}
	p->next = NULL;
	if (h->last)
		h->last->next = p;
	else
		h->first = p;
	h->last = p;
	h->packets++;
	h->octets += p->len;
	pool->packets++;
	pool->octets += p->len;
	pool->held++;
	return 0;
}

struct hp_packet *hp_hold_take(struct hp_hold_pool *pool, struct hp_hold *h)
{
	struct hp_packet *p = h->first;

	if (!p)
		return NULL;
	h->first = p->next;
	if (!h->first)
		h->last = NULL;
	p->next = NULL;
	h->packets--;
	h->octets -= p->len;
	pool->packets--;
	pool->octets -= p->len;
	return p;
}

void hp_hold_move(struct hp_hold_pool *pool, struct hp_hold *h, struct hp_hold *out)
{
	(void)pool; /* still held, still counted */
	*out = *h;
	*h = (struct hp_hold){ 0 };
}

void hp_hold_release(struct hp_hold_pool *pool, struct hp_hold *h,
		     void (*fn)(void *ctx, struct hp_packet *p), void *ctx)
{
	struct hp_hold waiting;
	struct hp_packet *p;

	hp_hold_move(pool, h, &waiting);
	while ((p = hp_hold_take(pool, &waiting)))
		fn(ctx, p);
}
