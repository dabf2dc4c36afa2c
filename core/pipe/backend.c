/* SPDX-License-Identifier: MIT
 *
 * Which legacy server is behind a HIT: the backends are asked in turn, and may answer later.
 *
 * Meanwhile the first packets of the conversation are held.  What waits has limits: in all, for each
 * peer, and in packets for each conversation.
 */
#include "pipe/backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pipe/trace.h"
#include "pipe/verdict.h"

#define WAITS_MAX   256u /* conversations that wait for an answer */
#define PEER_MAX    32u  /* of one peer */
#define PACKETS_MAX 4u   /* held for one */

struct wait {
	struct hp_list node; /* in hp_pipe.backend_waits */
	struct hp_pipe *pipe;
	struct hp_assoc *assoc; /* borrowed, until hp_pipe_backend_forget */
	struct hp_backend_ask ask;
	struct hp_asking asking;
	size_t next; /* service */
	struct hp_packet *held, **tail;
	unsigned int n;
};

static bool is_same(const struct hp_backend_ask *a, const struct hp_backend_ask *b)
{
	return a->proto == b->proto && a->local_port == b->local_port &&
	       hp_addr_eq(&a->local_hit, &b->local_hit) && hp_addr_eq(&a->peer_hit, &b->peer_hit);
}

static struct wait *find(struct hp_pipe *pipe, const struct hp_backend_ask *ask,
			 unsigned int *of_peer)
{
	struct hp_list *n;

	*of_peer = 0;
	HP_LIST_EACH(n, &pipe->backend_waits) {
		struct wait *w = HP_CONTAINER(n, struct wait, node);

		if (is_same(&w->ask, ask))
			return w;
		*of_peer += hp_addr_eq(&w->ask.peer_hit, &ask->peer_hit);
	}
	return NULL;
}

static void unlink_wait(struct wait *w)
{
	hp_list_del(&w->node);
	w->pipe->n_backend_waits--;
}

/* Asks from w->next on.  0 or an errno: the answer; -EINPROGRESS. */
static int ask_next(struct wait *w, struct hp_backend_result *out)
{
	const struct hp_registry *reg = w->pipe->d.registry;
	struct hp_service *s;
	int err = -ENOENT;

	while (err == -ENOENT && (s = hp_service_at(reg, HP_SERVICE_BACKEND, w->next))) {
		w->next++;
		*out = (struct hp_backend_result){ .port = w->ask.local_port };
		err = hp_service_ask(s, &w->asking, &w->ask, out);
	}
	return err;
}

/* The held packets go their way with the answer, oldest first.  Frees w. */
static void go_on(struct wait *w, int err, const struct hp_backend_result *result)
{
	struct hp_pipe_backend known = { .ask = w->ask, .err = err };
	struct hp_pipe *pipe = w->pipe;

	if (!err)
		known.result = *result;
	unlink_wait(w);
	pipe->backend_known = &known;
	pipe->answered(pipe, w->held);
	pipe->backend_known = NULL;
	free(w);
}

static void answered(struct hp_asking *q, int err, const void *result)
{
	struct wait *w = HP_CONTAINER(q, struct wait, asking);
	struct hp_backend_result later;

	if (err == -ENOENT) {
		err = ask_next(w, &later);
		result = &later;
	}
	if (err != -EINPROGRESS)
		go_on(w, err, result);
}

static enum hp_verdict hold(struct wait *w, struct hp_packet *p)
{
	struct hp_pipe *pipe = w->pipe;

	if (w->n == PACKETS_MAX)
		return hp_pipe_drop(pipe, p, "in.hold", HP_DROP_HOLD_FULL);
	p = pipe->d.ops->compact(pipe->d.ops->ctx, p);
	p->next = NULL;
	*w->tail = p;
	w->tail = &p->next;
	w->n++;
	hp_pipe_note(pipe, p, "in.hold", "held", "a backend is asked");
	return HP_TAKEN;
}

static struct wait *wait_new(struct hp_pipe *pipe, struct hp_assoc *a,
			     const struct hp_backend_ask *ask)
{
	struct wait *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->pipe = pipe;
	w->assoc = a;
	w->ask = *ask;
	w->asking.done = answered;
	w->tail = &w->held;
	hp_list_add_tail(&pipe->backend_waits, &w->node);
	pipe->n_backend_waits++;
	return w;
}

static enum hp_verdict ask_first(struct hp_pipe *pipe, struct hp_packet *p,
				 const struct hp_backend_ask *ask, int *err,
				 struct hp_backend_result *out)
{
	struct wait *w = wait_new(pipe, p->assoc, ask);

	if (!w)
		return hp_pipe_drop(pipe, p, "in.hold", HP_DROP_HOLD_FULL);
	*err = ask_next(w, out);
	if (*err == -EINPROGRESS)
		return hold(w, p);
	unlink_wait(w);
	free(w);
	return HP_NEXT;
}

enum hp_verdict hp_pipe_ask_backend(struct hp_pipe *pipe, struct hp_packet *p,
				    const struct hp_backend_ask *ask, int *err,
				    struct hp_backend_result *out)
{
	const struct hp_pipe_backend *known = pipe->backend_known;
	unsigned int of_peer;
	struct wait *w;

	*err = -ENOENT;
	if (known && is_same(&known->ask, ask)) {
		*err = known->err;
		*out = known->result;
		return HP_NEXT;
	}
	if (!hp_service_at(pipe->d.registry, HP_SERVICE_BACKEND, 0))
		return HP_NEXT;
	w = find(pipe, ask, &of_peer);
	if (w)
		return hold(w, p);
	if (pipe->n_backend_waits >= WAITS_MAX)
		return hp_pipe_drop(pipe, p, "in.hold", HP_DROP_HOLD_FULL);
	if (of_peer >= PEER_MAX)
		return hp_pipe_drop(pipe, p, "in.hold", HP_DROP_CLIENT_HOLD);
	return ask_first(pipe, p, ask, err, out);
}

static void drop(struct wait *w)
{
	struct hp_packet *p;

	hp_service_cancel(&w->asking);
	unlink_wait(w);
	while ((p = w->held)) {
		w->held = p->next;
		p->next = NULL;
		hp_pipe_conclude(w->pipe, p, hp_pipe_drop(w->pipe, p, "in.hold", HP_DROP_CLOSED));
	}
	free(w);
}

void hp_pipe_backend_forget(struct hp_pipe *pipe, const struct hp_assoc *a)
{
	struct hp_list *n, *tmp;

	HP_LIST_EACH_SAFE(n, tmp, &pipe->backend_waits) {
		struct wait *w = HP_CONTAINER(n, struct wait, node);

		if (w->assoc == a)
			drop(w);
	}
}

void hp_pipe_backend_free(struct hp_pipe *pipe)
{
	struct hp_list *n;

	while ((n = hp_list_first(&pipe->backend_waits)))
		drop(HP_CONTAINER(n, struct wait, node));
}
