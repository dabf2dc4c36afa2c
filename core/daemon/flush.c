/* SPDX-License-Identifier: MIT
 *
 * The command "flush": connections, associations and destinations are forgotten.
 *
 * There may be a million connections, and each association is told by a signed CLOSE.  So it is done
 * a little at a time, between packets, and the reply comes when it is done.  What has begun meanwhile
 * may stay.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/flowdb.h"
#include "flow/peerdb.h"

#define STEP_US    250 /* longest work in one round of the loop, but for one signature */
#define STEP_ITEMS 16  /* so many are forgotten between two looks at the clock */

struct flushing {
	struct hp_daemon *d;
	bool flows, associations, peers; /* still to be done, in this order */
	uint32_t place;			 /* of the next flow */
	struct hp_walk walk[2];		 /* of associations, of destinations */
};

/* ---- each returns false when that was all */

static bool some_flows(struct flushing *f)
{
	for (int i = 0; i < STEP_ITEMS; i++) {
		struct hp_flow *flow = hp_flowdb_walk(hp_pipe_flowdb(f->d->pipe), &f->place);

		if (!flow)
			return false;
		hp_flow_del(flow);
	}
	return true;
}

static bool one_association(struct flushing *f)
{
	struct hp_assoc *a = hp_hip_walk_next(f->d->hip, &f->walk[0]);

	if (a)
		hp_hip_close(a);
	return a != NULL;
}

static bool some_peers(struct flushing *f)
{
	for (int i = 0; i < STEP_ITEMS; i++) {
		struct hp_peer *e = hp_peerdb_walk_next(hp_pipe_peerdb(f->d->pipe), &f->walk[1]);

		if (!e)
			return false;
		hp_peer_del(e);
	}
	return true;
}

/* ---- */

static bool some(struct flushing *f)
{
	if (f->flows)
		f->flows = some_flows(f);
	else if (f->associations)
		f->associations = one_association(f);
	else if (f->peers)
		f->peers = some_peers(f);
	return f->flows || f->associations || f->peers;
}

static enum hp_feed step(void *ctx, struct hp_control_client *c)
{
	struct flushing *f = ctx;
	uint64_t end_us = hp_clock_us(&f->d->clock) + STEP_US;
	json_t *reply;

	while (some(f))
		if (hp_clock_us(&f->d->clock) >= end_us)
			return HP_FEED_MORE;
	reply = json_pack("{s:b, s:s}", "ok", 1, "message", "flushed");
	hp_control_reply(c, reply, 0);
	json_decref(reply);
	return HP_FEED_END;
}

static void gone(void *ctx)
{
	struct flushing *f = ctx;

	hp_walk_stop(&f->walk[0]);
	hp_walk_stop(&f->walk[1]);
	free(f);
}

int hp_daemon_flush_tables(struct hp_daemon *d, struct hp_control_client *c,
			   const json_t *request, json_t *reply)
{
	const char *what = json_string_value(json_object_get(request, "what"));
	struct hp_control_feed feed = { .fn = step, .gone = gone, .replies = true };
	bool all = what && !strcmp(what, "all");
	struct flushing *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->d = d;
	f->flows = all || (what && !strcmp(what, "flows"));
	f->associations = all || (what && !strcmp(what, "associations"));
	f->peers = all || (what && !strcmp(what, "peers"));
	if (!f->flows && !f->associations && !f->peers) {
		free(f);
		json_object_set_new(reply, "error",
				    json_string("what: expected peers, flows, associations or all"));
		return -EINVAL;
	}
	hp_hip_walk(d->hip, &f->walk[0]);
	hp_peerdb_walk(hp_pipe_peerdb(d->pipe), &f->walk[1]);
	feed.ctx = f;
	hp_control_feed(c, &feed);
	return 0;
}
