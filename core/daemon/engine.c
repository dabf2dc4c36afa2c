/* SPDX-License-Identifier: MIT
 *
 * The HIP engine: how it is made, and what it calls.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <string.h>

#include "pipe/control.h"

/* ---- what the engine calls */

static void hip_send(void *ctx, const struct hp_path *path, const uint8_t *msg, size_t len)
{
	struct hp_daemon *d = ctx;
	struct hp_log_about about = { .peer_at = &path->dst };
	char dst[HP_ADDR_STRLEN];
	int err;

	if (!hp_pipe_control_shown(d->registry, HP_STAGE_CTL_OUTER, path, NULL, msg, len))
		return;
	err = hp_pipe_control_send(d->pipe, path, msg, len);
	if (err)
		hp_log_about(HP_LOG_HIP, HP_LOG_DEBUG, &about, "to %s: %s",
			     hp_addr_format(&path->dst, dst), strerror(-err));
}

static void hip_problem(void *ctx, const struct hp_path *path, const uint8_t *msg, size_t len,
			size_t at)
{
	struct hp_daemon *d = ctx;
	struct hp_log_about about = { .peer_at = &path->dst };
	int err = hp_raw_problem_send(d->net.raw, path, msg, len, at);
	char dst[HP_ADDR_STRLEN];

	if (err)
		hp_log_about(HP_LOG_HIP, HP_LOG_DEBUG, &about, "ICMP to %s: %s",
			     hp_addr_format(&path->dst, dst), strerror(-err));
}

static int hip_job(void *ctx, struct hp_job *job)
{
	struct hp_daemon *d = ctx;

	return hp_jobs_put(d->jobs, job);
}

static int hip_source(void *ctx, const struct hp_addr *dst, struct hp_addr *src)
{
	struct hp_daemon *d = ctx;

	return hp_route_source(d->net.route, dst, src);
}

static int hip_accept(void *ctx, const struct hp_addr *local_hit, const struct hp_addr *peer_hit,
		      const struct hp_path *path)
{
	int err = hp_daemon_may_associate(ctx, local_hit, peer_hit);

	if (!err)
		return 0;
	hp_daemon_denied(ctx, local_hit, peer_hit);
	hp_daemon_exchange_refused(ctx, local_hit, peer_hit, path);
	return err;
}

/* An address without HIP is nothing to speak of; a peer whose HIT is known is missed. */
static void log_failure(const struct hp_assoc *a)
{
	const struct hp_addr *shown = hp_assoc_shown_hit(a);
	bool known = !hp_addr_is_zero(hp_assoc_peer_hit(a)), other = !hp_addr_is_zero(shown);
	const char *error = strerror(-hp_assoc_error(a));
	enum hp_hip_why why = hp_assoc_why(a);
	struct hp_log_about about = { .peer = hp_assoc_peer_hit(a),
				      .peer_at = &hp_assoc_path(a)->dst,
				      .reason = why ? hp_hip_why_name(why) : error };
	char peer[HP_ADDR_STRLEN], dst[HP_ADDR_STRLEN], has[HP_ADDR_STRLEN];

	hp_log_about(HP_LOG_HIP, known ? HP_LOG_WARNING : HP_LOG_NOTICE, &about,
		     "%s at %s: failed, %s%s%s%s", hp_addr_format(about.peer, peer),
		     hp_addr_format(about.peer_at, dst), why ? hp_hip_why_text(why) : error,
		     other ? " (it has " : "", other ? hp_addr_format(shown, has) : "",
		     other ? ")" : "");
}

static void log_event(const struct hp_assoc *a, enum hp_hip_event ev)
{
	char peer[HP_ADDR_STRLEN], dst[HP_ADDR_STRLEN];
	struct hp_log_about about = { .peer = hp_assoc_peer_hit(a),
				      .peer_at = &hp_assoc_path(a)->dst,
				      .reason = hp_hip_event_name(ev) };

	if (ev == HP_HIP_FAILED)
		log_failure(a);
	else if (ev != HP_HIP_GONE && hp_log_on(HP_LOG_HIP, HP_LOG_INFO))
		hp_log_about(HP_LOG_HIP, HP_LOG_INFO, &about, "%s at %s: %s",
			     hp_addr_format(about.peer, peer), hp_addr_format(about.peer_at, dst),
			     about.reason);
}

static void hip_event(void *ctx, struct hp_assoc *a, enum hp_hip_event ev)
{
	struct hp_daemon *d = ctx;

	log_event(a, ev);
	if (ev == HP_HIP_UP)
		hp_daemon_met(d, a);
	if (ev == HP_HIP_FAILED)
		hp_daemon_exchange_failed(d, a);
	if (ev == HP_HIP_UP || ev == HP_HIP_PATH_CHANGED)
		hp_state_peer(d->kept.state, hp_assoc_local_hit(a), hp_assoc_peer_hit(a),
			      &hp_assoc_path(a)->dst, hp_assoc_path(a)->dport);
	if (d->pipe)
		hp_pipe_assoc_event(d->pipe, a, ev);
}

static bool hip_in_use(void *ctx, const struct hp_assoc *a)
{
	(void)ctx;
	return hp_pipe_assoc_in_use(a);
}

static int hip_pin(void *ctx, const struct hp_addr *addr, const struct hp_addr *hit)
{
	struct hp_daemon *d = ctx;

	return d->kept.pins ? hp_pins_check(d->kept.pins, addr, hit) : -EACCES;
}

static bool hip_revoked(void *ctx, const struct hp_addr *peer_hit)
{
	const struct hp_daemon *d = ctx;

	return hp_revoked_has(d->kept.revoked, peer_hit);
}

static size_t hip_build(void *ctx, const struct hp_hip_built *what, uint8_t *tlvs)
{
	struct hp_daemon *d = ctx;

	return hp_pipe_control_build(d->registry, what, tlvs);
}

static bool hip_authentic(void *ctx, struct hp_assoc *a, const struct hp_path *path,
			  const uint8_t *msg, size_t len)
{
	struct hp_daemon *d = ctx;

	return hp_pipe_control_shown(d->registry, HP_STAGE_CTL_AUTH, path, a, msg, len);
}

static const struct hp_hip_ops engine_ops = {
	.send = hip_send,
	.problem = hip_problem,
	.job = hip_job,
	.source = hip_source,
	.accept = hip_accept,
	.event = hip_event,
	.pin = hip_pin,
	.in_use = hip_in_use,
	.revoked = hip_revoked,
	.build = hip_build,
	.authentic = hip_authentic,
	.dropped = hp_daemon_hip_dropped,
	.limit = hp_daemon_limit_told,
};

/* ---- workers for public-key operations; their threads are made by the sandbox */

static int start_workers(struct hp_daemon *d)
{
	d->jobs = hp_jobs_new(d->loop, d->conf->hip.workers, d->conf->limits.jobs);
	return d->jobs ? 0 : hp_daemon_fail(-errno, "worker threads");
}

static void stop_workers(struct hp_daemon *d)
{
	if (d->jobs)
		hp_jobs_free(d->jobs);
	d->jobs = NULL;
}

const struct hp_part hp_part_workers = { "workers", start_workers, stop_workers, NULL };

/* ---- the part */

static int add_identities(struct hp_daemon *d)
{
	for (size_t i = 0; i < d->own.n_keys; i++) {
		const struct hp_conf_identity *id = &d->conf->identities.at[i];
		int err = hp_hip_identity_add(d->hip, d->own.keys[i],
					      id->anonymous ? HP_IDENTITY_ANONYMOUS : 0, id->di);

		if (err)
			return hp_daemon_fail(err, id->name);
	}
	for (size_t i = 0; i < d->own.n_other_hits; i++)
		hp_hip_identity_instead(d->hip, &d->own.other_hits[i], &d->own.client_hit);
	return 0;
}

static int start(struct hp_daemon *d)
{
	struct hp_hip_ops ops = engine_ops;
	struct hp_hip_config cfg;
	const char *key, *why;
	int err = hp_daemon_hip_config(d->conf, &cfg, &key, &why);

	if (err)
		return hp_daemon_fail(err, why);
	ops.ctx = d;
	if (d->keylog.file)
		ops.sa_keys = hp_keylog_sa;
	d->hip = hp_hip_new(&cfg, &ops, &d->clock, &hp_rand_system, &d->timers);
	return d->hip ? add_identities(d) : hp_daemon_fail(-ENOMEM, "HIP engine");
}

static void stop(struct hp_daemon *d)
{
	if (d->hip)
		hp_hip_free(d->hip);
	d->hip = NULL;
}

static void reload(struct hp_daemon *d, struct hp_prepared *p)
{
	hp_hip_reconfigure(d->hip, &p->hip);
}

const struct hp_part hp_part_engine = { "engine", start, stop, reload };
