/* SPDX-License-Identifier: MIT
 *
 * Commands whose reply needs the last word of hipproxy-gate.  The gate is another process, which may be
 * busy: the loop does not wait for it, the reply comes when it has answered, or without its answer
 * after a while.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>

#define PATIENCE_MS 1000

struct fresh {
	struct hp_daemon *d;
	struct hp_control_client *c;
	int (*fn)(struct hp_daemon *d, json_t *reply);
	struct hp_gate_wait wait;
	struct hp_timer timer;
	bool ready;
};

static enum hp_feed step(void *ctx, struct hp_control_client *c)
{
	struct fresh *f = ctx;
	json_t *reply;

	if (!f->ready)
		return HP_FEED_WAIT;
	reply = json_pack("{s:b}", "ok", 1);
	hp_control_reply(c, reply, reply ? f->fn(f->d, reply) : -ENOMEM);
	json_decref(reply);
	return HP_FEED_END;
}

static void answered(struct hp_gate_wait *w)
{
	struct fresh *f = HP_CONTAINER(w, struct fresh, wait);

	f->ready = true;
	hp_control_wake(f->c);
}

static void out_of_patience(struct hp_timer *t)
{
	answered(&HP_CONTAINER(t, struct fresh, timer)->wait);
}

static void gone(void *ctx)
{
	struct fresh *f = ctx;

	hp_timer_cancel(&f->d->timers, &f->timer);
	hp_list_del(&f->wait.node);
	free(f);
}

int hp_daemon_fresh(struct hp_daemon *d, struct hp_control_client *c,
		    int (*fn)(struct hp_daemon *d, json_t *reply))
{
	struct hp_control_feed feed = { .fn = step, .gone = gone, .replies = true };
	struct fresh *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	*f = (struct fresh){ .d = d, .c = c, .fn = fn, .wait.fn = answered };
	hp_list_init(&f->wait.node);
	hp_timer_init(&f->timer, out_of_patience);
	f->ready = !hp_daemon_gate_ask(d, &f->wait);
	if (!f->ready)
		hp_timer_set(&d->timers, &f->timer, hp_clock_ms(&d->clock) + PATIENCE_MS);
	feed.ctx = f;
	hp_control_feed(c, &feed);
	return 0;
}
