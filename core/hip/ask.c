/* SPDX-License-Identifier: MIT
 *
 * A peer of a known HIT has not answered: which HIT does its address have?
 *
 * One opportunistic I1 after each exchange that ended in silence, to the address tried last.
 * The R1 changes nothing but the reason that is shown.  No exchange begins with the HIT that it
 * names.
 */
#include "hip/ask.h"

#include <stdlib.h>
#include <string.h>

#include "hip/assoc.h"
#include "hip/inquiry.h"
#include "hip/job.h"
#include "hip/known.h"
#include "hip/send.h"

#define ASK_MS	5000 /* a later answer is ignored */
#define ASK_MAX 16   /* questions at a time */

struct ask_work {
	struct hp_work w;
	struct hp_path path;
	struct hp_addr local;
	struct hp_inquiry_answer answer;
	int err;
	size_t len;
	uint8_t raw[HP_HIP_MAX];
};

static bool is_over(const struct hp_assoc *a)
{
	return a->state != HP_E_FAILED || hp_hip_now(a->hip) > a->failure.asked_ms + ASK_MS;
}

static void forget_old(struct hp_hip *hip)
{
	struct hp_list *n, *tmp;

	HP_LIST_EACH_SAFE(n, tmp, &hip->asking)
	{
		struct hp_assoc *a = HP_CONTAINER(n, struct hp_assoc, failure.asking);

		if (is_over(a))
			hp_failure_unask(a);
	}
}

void hp_ask_start(struct hp_assoc *a)
{
	struct hp_hip *hip = a->hip;
	uint8_t msg[HP_INQUIRY_MAX];
	int len = hp_inquiry_build(msg, &a->local, NULL);

	forget_old(hip);
	if (len < 0 || hip->shutting || hp_addr_is_zero(&a->peer) || hip->n_asking >= ASK_MAX)
		return;
	hp_failure_ask(a);
	hp_hip_send(hip, &a->path, msg, (size_t)len);
}

/* ---- the answer */

static void ask_run(struct hp_work *work)
{
	struct ask_work *w = HP_CONTAINER(work, struct ask_work, w);

	w->err = hp_inquiry_read(w->raw, w->len, &w->path, &w->local, &w->answer);
}

static bool was_met_there(const struct hp_assoc *a)
{
	const struct hp_known *k = hp_known_find(a->hip, &a->peer);

	return k && hp_addr_eq(&k->met, &a->path.dst);
}

static void ask_done(struct hp_work *work, bool live)
{
	struct ask_work *w = HP_CONTAINER(work, struct ask_work, w);
	struct hp_assoc *a = work->a;

	if (!live || w->err || w->answer.notify || is_over(a) ||
	    hp_addr_eq(&w->answer.hit, &a->peer))
		return;
	a->failure.shown = w->answer.hit;
	a->failure.why = was_met_there(a) ? HP_WHY_OTHER_KEY : HP_WHY_OTHER_HIT;
	hp_assoc_event(a, HP_HIP_FAILED);
}

static void ask_free(struct hp_work *work)
{
	free(HP_CONTAINER(work, struct ask_work, w));
}

static struct ask_work *work_new(const struct hp_assoc *a, const struct hp_rx *rx)
{
	struct ask_work *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->w.run = ask_run;
	w->w.done = ask_done;
	w->w.free = ask_free;
	w->path = *rx->path;
	w->local = a->local;
	w->len = rx->m->len;
	memcpy(w->raw, rx->m->raw, rx->m->len);
	return w;
}

bool hp_ask_input(const struct hp_rx *rx)
{
	struct hp_list *n, *tmp;

	HP_LIST_EACH_SAFE(n, tmp, &rx->hip->asking)
	{
		struct hp_assoc *a = HP_CONTAINER(n, struct hp_assoc, failure.asking);
		struct ask_work *w;

		if (!hp_addr_eq(&a->path.dst, &rx->path->dst) ||
		    !hp_addr_eq(&a->local, &rx->m->dst_hit))
			continue;
		/* Only the first answer to a question is verified, so a flood of R1s costs no more. */
		hp_failure_unask(a);
		w = work_new(a, rx);
		if (w && !is_over(a))
			hp_work_start(rx->hip, a, &w->w);
		else
			free(w);
		return true;
	}
	return false;
}
