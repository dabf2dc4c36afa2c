/* SPDX-License-Identifier: MIT
 *
 * From a loaded configuration to a running daemon, and back.
 *
 * The gate (hipproxy-gate) is found, or started, first.  Then comes everything else that needs
 * rights; then rights are dropped.  The gate is told that all is ready; what it has closed before is
 * closed until then.  At the end the daemon enters its sandbox, and makes threads that are in it too.
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/crash.h"
#include "daemon/files.h"
#include "io/priv.h"
#include "io/single.h"

#define QUIT_MS      1000 /* longest wait for CLOSE_ACK */
#define QUIT_STEP_MS 20
#define WRITES_MAX   16 /* files that wait for the disk */
#define RECONNECT_MAX 256 /* exchanges begun at start, for flows that were */

static int fail(int err, const char *what)
{
	hp_log(HP_LOG_CORE, HP_LOG_ERROR, "%s: %s", what, strerror(-err));
	return err;
}

static int fail_io(int err, const struct hp_io_err *e)
{
	hp_log(HP_LOG_CORE, HP_LOG_ERROR, "%s", e->text[0] ? e->text : strerror(-err));
	return err;
}

void hp_daemon_set_logging(const struct hp_daemon *d, const struct hp_conf_log *log)
{
	hp_log_target((enum hp_log_target)log->target, "hipproxyd");
	hp_log_level_all((enum hp_log_level)(d->level >= 0 ? d->level : log->level));
	for (int i = 0; i < HP_LOG_SUBSYSTEMS; i++)
		if (log->subsys[i] >= 0 && d->level < 0)
			hp_log_level_set((enum hp_log_subsys)i,
					 (enum hp_log_level)log->subsys[i]);
}

/* ---- files and loop */

static int write_pid(const struct hp_daemon *d)
{
	FILE *f;

	if (!*d->conf->pidfile)
		return 0;
	hp_file_folder(d->conf->pidfile);
	errno = 0;
	f = fopen(d->conf->pidfile, "we");
	if (!f)
		return fail(-errno, d->conf->pidfile);
	fprintf(f, "%ld\n", (long)getpid());
	/* A full disk is no reason to leave clients without protection. */
	if (fclose(f) && errno != ENOSPC)
		return fail(-errno, d->conf->pidfile);
	if (errno == ENOSPC)
		fail(-ENOSPC, d->conf->pidfile);
	return 0;
}

static void state_told(void *ctx, int err)
{
	struct hp_daemon *d = ctx;

	hp_daemon_file_told(d, d->conf->state, err);
}

static int open_files(struct hp_daemon *d)
{
	const struct hp_conf_hip *hip = &d->conf->hip;
	struct hp_io_err e = { "" };
	int err = 0;

	d->disk = (struct hp_disk){ .timers = &d->timers, .clock = &d->clock,
				    .told = hp_daemon_file_told, .ctx = d };
	if (hip->opportunistic_initiator == HP_CONF_OPP_PINNED ||
	    hip->opportunistic_responder == HP_CONF_OPP_PINNED)
		err = hp_pins_open(hip->pins, &d->disk, NULL, &d->pins, &e);
	if (!err)
		err = hp_revoked_open(hip->revoked, &d->disk, NULL, &d->revoked, &e);
	if (err)
		return fail_io(err, &e);
	if (*d->conf->state) {
		err = hp_state_open(d->conf->state, &d->state);
		if (err)
			hp_log(HP_LOG_CORE, HP_LOG_WARNING,
			       "%s: %s: flows will not outlive a restart", d->conf->state,
			       err == -EBUSY ? "another daemon has it" : strerror(-err));
	}
	hp_state_watch(d->state, state_told, d);
	err = hp_keylog_open(d);
	return err ? err : write_pid(d);
}

static void on_quit(void *ctx, int signo)
{
	hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "%s: ending", strsignal(signo));
	hp_daemon_quit(ctx);
}

static void on_reload(void *ctx, int signo)
{
	json_t *complaints;
	struct hp_io_err err;

	(void)signo;
	hp_daemon_reload(ctx, &err, &complaints);
	json_decref(complaints);
}

static int make_loop(struct hp_daemon *d)
{
	int err = 0;

	hp_timers_init(&d->timers, hp_clock_ms(&d->clock));
	d->loop = hp_loop_new(&d->timers, &d->clock);
	if (!d->loop)
		return fail(-errno, "event loop");
	hp_loop_busy_poll(d->loop, d->conf->performance.busy_poll_us);
	err = hp_loop_signal(d->loop, SIGTERM, on_quit, d);
	if (!err)
		err = hp_loop_signal(d->loop, SIGINT, on_quit, d);
	if (!err)
		err = hp_loop_signal(d->loop, SIGHUP, on_reload, d);
	if (err)
		return fail(err, "signals");
	signal(SIGPIPE, SIG_IGN);
	d->pool = hp_pool_new(d->conf->limits.packets, d->conf->limits.packets);
	d->route = hp_route_new(d->conf->client.mark, &d->clock);
	return d->pool && d->route ? 0 : fail(-errno, "start");
}

/* ---- sockets */

int hp_daemon_open_queue(struct hp_daemon *d, struct hp_io_err *e)
{
	const struct hp_conf_client *c = &d->conf->client;
	struct hp_nfq_cfg cfg = {
		.queue = c->queue,
		.fail_open = c->on_failure == HP_CONF_FAIL_OPEN,
		.mark = c->mark,
		.mask = c->mark_mask,
	};

	if (d->nfq)
		return 0;
	hp_conntrack_open(&d->conntrack);
	return hp_nfq_open(d->loop, d->pool, &cfg, hp_daemon_captured, d, &d->nfq, e);
}

static int only_one(struct hp_daemon *d, struct hp_io_err *e)
{
	int fd = hp_single_take("hipproxyd", e);

	if (fd < 0)
		return fd;
	d->single = fd;
	return 0;
}

static int open_sockets(struct hp_daemon *d)
{
	bool queue = d->conf->client.enabled && hp_conf_discovers(d->conf);
	/* The mark keeps our own packets out of the queue, and needs the same right. */
	struct hp_raw_cfg raw = { .mark = queue ? d->conf->client.mark : 0 };
	struct hp_raw_ops ops = hp_daemon_raw_ops;
	struct hp_control_cfg control = { .path = d->conf->control.socket,
					  .group = d->conf->control.group,
					  .fn = hp_daemon_command, .ctx = d, .timers = &d->timers,
					  .event = hp_daemon_control_event };
	struct hp_io_err e = { "" };
	int err;

	ops.ctx = d;
	err = hp_priv_check(queue, &e);
	if (!err)
		err = only_one(d, &e);
	if (!err)
		err = hp_daemon_gate_open(d, &e);
	if (!err)
		err = hp_daemon_gate_tun(d, &e);
	if (!err)
		err = hp_raw_open(d->loop, &raw, &ops, &d->raw, &e);
	if (!err && queue)
		err = hp_daemon_open_queue(d, &e);
	if (!err)
		err = hp_control_open(d->loop, &control, &d->control, &e);
	if (!err)
		err = hp_priv_drop(queue, &e);
	return err ? fail_io(err, &e) : 0;
}

/* ---- engine and pipeline */

static int add_identities(struct hp_daemon *d)
{
	for (size_t i = 0; i < d->n_keys; i++) {
		const struct hp_conf_identity *id = &d->conf->identities.at[i];
		int err = hp_hip_identity_add(d->hip, d->keys[i],
					      id->anonymous ? HP_IDENTITY_ANONYMOUS : 0, id->di);

		if (err)
			return fail(err, id->name);
	}
	for (size_t i = 0; i < d->n_other_hits; i++)
		hp_hip_identity_instead(d->hip, &d->other_hits[i], &d->client_hit);
	return 0;
}

static int make_engine(struct hp_daemon *d)
{
	struct hp_hip_ops ops = hp_daemon_hip_ops;
	struct hp_hip_config cfg;
	const char *key, *why;
	int err = hp_daemon_hip_config(d->conf, &cfg, &key, &why);

	if (err)
		return fail(err, why);
	ops.ctx = d;
	if (d->keylog)
		ops.sa_keys = hp_keylog_sa;
	d->jobs = hp_jobs_new(d->loop, d->conf->hip.workers, d->conf->limits.jobs);
	d->writers = hp_jobs_new(d->loop, 1, WRITES_MAX);
	if (!d->jobs || !d->writers)
		return fail(-errno, "worker threads");
	if (hp_tally_init(&d->met))
		return fail(-ENOMEM, "HIP engine");
	d->disk.jobs = d->writers;
	d->hip = hp_hip_new(&cfg, &ops, &d->clock, &hp_rand_system, &d->timers);
	if (!d->hip)
		return fail(-ENOMEM, "HIP engine");
	return add_identities(d);
}

static int make_pipe(struct hp_daemon *d)
{
	struct hp_pipe_deps deps = {
		.conf = d->conf, .hip = d->hip, .registry = d->registry, .clock = hp_loop_clock(d->loop),
		.rand = &hp_rand_system, .timers = &d->timers, .ops = &d->pipe_ops,
		.client_hit = d->client_hit, .host_hit = d->host_hit,
		.join_udp = hp_tun_takes_datagrams(d->tun),
		.ahead_flows = HP_PIPE_AHEAD_FLOWS,
	};

	d->pipe_ops = hp_daemon_pipe_ops;
	d->pipe_ops.ctx = d;
	d->pipe = hp_pipe_new(&deps);
	if (!d->pipe)
		return fail(-errno, "pipeline");
	d->sweep = hp_sweep_new(d);
	if (!d->sweep)
		return fail(-ENOMEM, "pipeline");
	hp_loop_flush_add(d->loop, &d->flush, hp_daemon_flush, d);
	if (d->nfq)
		hp_nfq_flush_last(d->nfq);
	return 0;
}

/* ---- what there was before */

static struct hp_flow *restore_flow(void *ctx, const struct hp_flow_key *key, bool outbound)
{
	struct hp_daemon *d = ctx;

	return hp_hip_is_local(d->hip, &key->local_hit) &&
		       !hp_revoked_has(d->revoked, &key->peer_hit) ?
		       hp_pipe_flow_restore(d->pipe, key, outbound) : NULL;
}

static void restore_peer(void *ctx, const struct hp_addr *local_hit,
			 const struct hp_addr *peer_hit, const struct hp_addr *addr,
			 uint16_t port)
{
	struct hp_daemon *d = ctx;

	if (!hp_hip_is_local(d->hip, local_hit))
		return;
	hp_hip_known_peer(d->hip, peer_hit, addr, 1, false);
	hp_hip_known_port(d->hip, peer_hit, port);
	hp_hip_known_met(d->hip, peer_hit, addr);
	hp_hip_known_pair(d->hip, local_hit, peer_hit, addr, port);
}

void hp_daemon_remember(struct hp_daemon *d, const struct hp_conf *conf)
{
	hp_hip_forget_peers(d->hip);
	hp_state_peers(d->state, restore_peer, d);
	hp_daemon_known_peers(d->hip, conf);
}

/* Its peer may have something to say, and no keys that we know of. */
static int reconnect(struct hp_flow *f, void *arg)
{
	struct hp_daemon *d = arg;
	const struct hp_flow_key *k = &f->key;

	if (hp_hip_count(d->hip) >= RECONNECT_MAX)
		return 1;
	if (!hp_hip_find(d->hip, &k->local_hit, &k->peer_hit))
		hp_hip_connect(d->hip, &k->local_hit, &k->peer_hit, NULL, 0);
	return 0;
}

static void restore(struct hp_daemon *d)
{
	size_t n;

	hp_state_restore(d->state, restore_flow, d);
	hp_daemon_remember(d, d->conf);
	n = hp_flowdb_count(hp_pipe_flowdb(d->pipe));
	if (!n)
		return;
	hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "%zu flows go on from before", n);
	hp_flowdb_each(hp_pipe_flowdb(d->pipe), reconnect, d);
}

/* ---- capture */

/* all: with what plugins have asked for, and with what the gate has loaded. */
static int capture(struct hp_daemon *d, bool on, bool all, struct hp_io_err *err)
{
	int ret = on && hp_conf_discovers(d->conf) ? hp_daemon_open_queue(d, err) : 0;

	if (!ret)
		ret = hp_daemon_gate(d, on, all, err);
	if (!ret)
		d->capturing = on;
	return ret;
}

int hp_daemon_capture(struct hp_daemon *d, bool on, struct hp_io_err *err)
{
	return capture(d, on, false, err);
}

int hp_daemon_capture_all(struct hp_daemon *d, bool on, struct hp_io_err *err)
{
	return capture(d, on, true, err);
}

/* An orderly end opens only what the configuration wants open. */
static void end_gate(struct hp_daemon *d)
{
	const struct hp_conf_client *c = d->conf ? &d->conf->client : NULL;

	if (d->capturing && c->on_stop == HP_CONF_FAIL_CLOSED && c->on_failure == HP_CONF_FAIL_CLOSED)
		hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "clients' protected traffic stays closed; "
		       "hipproxyd --cleanup opens it");
	hp_daemon_gate_bye(d);
	d->capturing = false;
}

static void obsolete(const struct hp_conf_client *c)
{
	if (c->capture != HP_CONF_CAPTURE_AS_NEEDED)
		hp_log(HP_LOG_CONF, HP_LOG_NOTICE, "client.capture has no effect any more and may be "
		       "removed: routes lead packets to known peers here");
}

static void log_ready(const struct hp_daemon *d)
{
	char hit[HP_ADDR_STRLEN];

	for (size_t i = 0; i < d->n_keys; i++)
		hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "identity %s: %s (%s)",
		       d->conf->identities.at[i].name,
		       hp_addr_format(hp_key_hit(d->keys[i]), hit), hp_key_name(d->keys[i]));
	hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "ready:%s%s", d->client_hit.b[0] ? " client proxy" : "",
	       d->host_hit.b[0] ? " host" : "");
}

/* The report lies beside the state file. */
static void report_crashes(const struct hp_daemon *d)
{
	char state[PATH_MAX], path[PATH_MAX + 8];

	snprintf(state, sizeof(state), "%s", d->conf->state);
	snprintf(path, sizeof(path), "%s/crash", dirname(state));
	hp_crash_report_to(*d->conf->state ? path : NULL);
}

static int last_steps(struct hp_daemon *d)
{
	int err = hp_sandbox_enter(d);

	if (err)
		return fail(err, "sandbox and worker threads");
	log_ready(d);
	hp_daemon_doctor_log(d);
	return 0;
}

int hp_daemon_start(struct hp_daemon *d)
{
	struct hp_io_err e = { "" };
	int err;

	d->started_ms = hp_clock_ms(&d->clock);
	hp_daemon_set_logging(d, &d->conf->log);
	report_crashes(d);
	obsolete(&d->conf->client);
	err = make_loop(d);
	d->incidents = hp_incidents_new(&d->clock);
	if (!err && !d->incidents)
		err = fail(-ENOMEM, "start");
	if (!err)
		err = open_files(d);
	if (!err)
		err = open_sockets(d);
	if (!err)
		err = make_engine(d);
	if (!err)
		err = make_pipe(d);
	if (!err)
		err = hp_registry_start(d->registry);
	if (err)
		return err;
	restore(d);
	err = hp_daemon_capture_all(d, d->conf->client.enabled, &e);
	if (err)
		return fail_io(err, &e);
	return last_steps(d);
}

/* ---- the end */

static void quit_step(struct hp_timer *t)
{
	struct hp_daemon *d = HP_CONTAINER(t, struct hp_daemon, stop_timer);
	uint64_t now = hp_clock_ms(&d->clock);

	if (!hp_hip_count(d->hip) || now >= d->stop_ms)
		hp_loop_stop(d->loop);
	else
		hp_timer_set(&d->timers, t, now + QUIT_STEP_MS);
}

void hp_daemon_quit(struct hp_daemon *d)
{
	if (d->stopping) {
		hp_loop_stop(d->loop);
		return;
	}
	d->stopping = true;
	hp_supervisor_stopping(d);
	d->stop_ms = hp_clock_ms(&d->clock) + QUIT_MS;
	end_gate(d);
	hp_hip_shutdown(d->hip);
	hp_timer_init(&d->stop_timer, quit_step);
	hp_timer_set(&d->timers, &d->stop_timer, hp_clock_ms(&d->clock));
}

static void stop_engine(struct hp_daemon *d)
{
	d->stopping = true;
	if (d->control)
		hp_control_close(d->control);
	hp_sweep_free(d->sweep);
	if (d->hip)
		hp_hip_free(d->hip);
	hp_tally_fini(&d->met);
	d->hip = NULL;
	if (d->pipe) {
		hp_loop_flush_del(d->loop, &d->flush);
		hp_pipe_free(d->pipe);
		d->pipe = NULL;
	}
	if (d->registry)
		hp_registry_free(d->registry);
	if (d->jobs)
		hp_jobs_free(d->jobs);
	if (d->writers)
		hp_jobs_free(d->writers);
	d->disk.jobs = NULL;
}

static void close_sockets(struct hp_daemon *d)
{
	end_gate(d);
	hp_daemon_gate_close(d);
	if (d->nfq)
		hp_nfq_close(d->nfq);
	hp_conntrack_close(d->conntrack);
	hp_daemon_transport_close(d);
	if (d->raw)
		hp_raw_close(d->raw);
	if (d->tun)
		hp_tun_close(d->tun);
	if (d->route)
		hp_route_free(d->route);
	if (d->pool)
		hp_pool_free(d->pool);
	hp_timer_cancel(&d->timers, &d->stop_timer);
	if (d->loop)
		hp_loop_free(d->loop);
	if (d->single)
		close(d->single);
}

void hp_daemon_stop(struct hp_daemon *d)
{
	stop_engine(d);
	hp_pins_close(d->pins);
	hp_revoked_close(d->revoked);
	close_sockets(d);
	hp_incidents_free(d->incidents);
	hp_state_close(d->state);
	if (d->keylog)
		fclose(d->keylog);
	if (d->conf && *d->conf->pidfile && d->loop)
		unlink(d->conf->pidfile);
	for (size_t i = 0; i < d->n_keys; i++)
		hp_key_unref(d->keys[i]);
	free(d->keys);
	hp_sandbox_free(&d->sandbox);
	hp_conf_free(d->conf);
	*d = (struct hp_daemon){ 0 };
}
