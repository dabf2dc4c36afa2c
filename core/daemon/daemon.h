/* SPDX-License-Identifier: MIT
 *
 * The daemon: everything wired together on one loop.
 *
 *	gate      the process that leads packets here
 *	glue      how engine, pipeline and sockets call each other
 *	sandbox   what is given up after the start
 *	crash     what is reported when it crashes
 *	load      configuration, keys and plugins
 *	check     what a configuration must satisfy together with them
 *	start     in which order things are made and unmade
 *	commands  what the control socket can ask for
 *	transport UDP beside raw sockets, when a plugin wants it
 */
#ifndef HP_DAEMON_DAEMON_H
#define HP_DAEMON_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "conf/conf.h"
#include "crypto/key.h"
#include "daemon/gate.h"
#include "daemon/incidents.h"
#include "daemon/pins.h"
#include "daemon/revoked.h"
#include "daemon/sandbox.h"
#include "daemon/state.h"
#include "doctor/box.h"
#include "hip/hip.h"
#include "io/control.h"
#include "io/jobs.h"
#include "io/loop.h"
#include "io/conntrack.h"
#include "io/nfqueue.h"
#include "io/pool.h"
#include "io/raw.h"
#include "io/route.h"
#include "io/tun.h"
#include "io/udp.h"
#include "pipe/pipe.h"
#include "plugin/registry.h"
#include "util/tally.h"
#include "util/timer.h"

/* An association that access rules refused. */
#define HP_DAEMON_DENIALS 8
struct hp_daemon_denial {
	struct hp_addr local_hit, peer_hit;
	uint64_t last_ms; /* 0: unused */
};

struct hp_supervisor;
struct hp_sweep;

struct hp_daemon {
	const char *conf_path;       /* borrowed */
	struct hp_supervisor *supervisor;  /* the service manager, borrowed; NULL: nobody is told */
	int level;                   /* enum hp_log_level from the command line, or -1 */
	struct hp_conf *conf;
	struct hp_conf *tried;       /* while a reload tries it */
	const struct hp_daemon *running; /* of a daemon that only tries a configuration: who reloads */
	json_t *complaints;          /* collects them for the answer to a reload, or NULL */
	struct hp_clock clock;
	struct hp_timers timers;
	struct hp_loop *loop;
	struct hp_jobs *jobs;
	struct hp_jobs *writers;     /* one thread that waits for disks */
	struct hp_pool *pool;
	struct hp_route *route;
	struct hp_raw *raw;
	struct hp_encap *encap;      /* NULL: nothing in UDP */
	struct hp_tun *tun;
	struct hp_nfq *nfq;
	struct hp_conntrack *conntrack; /* with nfq; NULL: connections can't be told of */
	struct hp_control *control;
	struct hp_registry *registry;
	struct hp_hip *hip;
	struct hp_pipe *pipe;
	struct hp_pipe_ops pipe_ops;
	struct hp_pins *pins;
	struct hp_revoked *revoked;
	struct hp_disk disk;         /* for files that a thread writes */
	struct hp_incidents *incidents;
	struct hp_sweep *sweep;
	unsigned int n_tops;         /* control clients that watch rates */
	struct hp_state *state;
	FILE *keylog;                /* for debugging; NULL */
	int keylog_err;              /* of the last line, 0: it was written */
	struct hp_key **keys;        /* of conf->identities, in their order */
	size_t n_keys;
	struct hp_addr client_hit, host_hit;
	struct hp_addr other_hits[8]; /* they stand in for client_hit */
	size_t n_other_hits;
	struct hp_flush flush;
	struct hp_timer stop_timer, shut_timer;
	uint64_t shut_ms;
	struct hp_transport transport;
	bool transport_asked;        /* a plugin has set it, so it may be changed */
	uint64_t started_ms, stop_ms;
	struct hp_daemon_denial denials[HP_DAEMON_DENIALS];
	struct hp_tally met;         /* HITs of peers that clients have talked to */
	struct hp_gate_link gate;
	struct hp_sandbox sandbox;
	int single;                  /* descriptor, see io/single.h; 0: none */
	bool background;             /* without standard error */
	bool capturing, stopping;
	struct hp_control_client *tracer; /* who is told of packets, or NULL */
	uint64_t trace_left;         /* lines to go; 0: no limit */
};

/* ---- load.c */

/* Loads configuration, keys and plugins and checks them, nothing else: what -t does.  0 or -errno,
 * reported to the log with file and line; hp_daemon_stop cleans up in either case. */
int hp_daemon_load(struct hp_daemon *d, const char *conf_path);
/* Complaints and warnings of the configuration, to the log and d->complaints. */
struct hp_conf_report hp_daemon_report(struct hp_daemon *d);
struct hp_registry_config hp_daemon_registry_config(struct hp_daemon *d);

/* ---- check.c */

/* What d has loaded, against each other and against the machine, without changing anything.
 * keys, plugins: they could be loaded.  0, or -errno, reported. */
int hp_daemon_check(struct hp_daemon *d, bool keys, bool plugins, struct hp_conf_report *report);

/* ---- start.c */

/* Everything, up to the capture rules.  0 or -errno, reported; hp_daemon_stop cleans up in
 * either case. */
int hp_daemon_start(struct hp_daemon *d);
/* Undoes start and load. */
void hp_daemon_stop(struct hp_daemon *d);
/* Closes associations, then ends the loop; a second call ends it at once. */
void hp_daemon_quit(struct hp_daemon *d);

/* Clients' traffic is protected (on), or all of it passes plain.  0, or -errno and a sentence in
 * err. */
int hp_daemon_capture(struct hp_daemon *d, bool on, struct hp_io_err *err);
/* The same with what the gate has loaded and what plugins have asked for: at start and reload. */
int hp_daemon_capture_all(struct hp_daemon *d, bool on, struct hp_io_err *err);
/* Opens the queues of discovery, if they are not open.  0, or -errno and a sentence in err. */
int hp_daemon_open_queue(struct hp_daemon *d, struct hp_io_err *err);
void hp_daemon_set_logging(const struct hp_daemon *d, const struct hp_conf_log *log);

/* Where peers can be found again: those of before, and those conf names. */
void hp_daemon_remember(struct hp_daemon *d, const struct hp_conf *conf);

/* ---- reload.c */

/* A new configuration, all of it or nothing.  0, or -errno with a sentence in err and the
 * complaints, which are logged too, in *complaints (to be released; may be NULL). */
int hp_daemon_reload(struct hp_daemon *d, struct hp_io_err *err, json_t **complaints);

/* ---- limits.c */

/* An array of { name, setting, help, used, most, refused, reached, since_s if it is }. */
json_t *hp_daemon_limits_json(const struct hp_daemon *d);
/* Those that are reached now. */
void hp_daemon_limits_judge(const struct hp_daemon *d, struct hp_findings *out);

/* ---- supervisor.c: what the service manager is told (io/sdnotify.h).  Without one the calls do nothing,
 * so does each with a supervisor of NULL. */

/* Reads the environment and begins to listen for error lines.  NULL: out of memory. */
struct hp_supervisor *hp_supervisor_new(void);
void hp_supervisor_free(struct hp_supervisor *s);
/* The start did not succeed, or the loop has failed: the first error logged and err, a negative
 * errno, are told. */
void hp_supervisor_failed(struct hp_supervisor *s, int err);
/* Ready; from now on what runs is told every ten seconds, if it has changed, and the watchdog is
 * kept quiet by the loop's timers. */
void hp_supervisor_ready(struct hp_daemon *d);
/* Around a reload; err is its result. */
void hp_supervisor_reloading(struct hp_daemon *d);
void hp_supervisor_reloaded(struct hp_daemon *d, int err);
void hp_supervisor_stopping(struct hp_daemon *d);

/* ---- settings.c */

/* The engine's settings out of the configuration's.  0, or -EINVAL, the key that is wrong and
 * why. */
int hp_daemon_hip_config(const struct hp_conf *conf, struct hp_hip_config *out,
			 const char **key, const char **why);
/* Tells the engine of all configured peers. */
void hp_daemon_known_peers(struct hp_hip *hip, const struct hp_conf *conf);

/* ---- keylog.c */

/* Opens d->conf->esp.keylog, if any.  0 or -errno, reported. */
int hp_keylog_open(struct hp_daemon *d);
/* struct hp_hip_ops.sa_keys */
void hp_keylog_sa(void *ctx, const struct hp_assoc *a, const struct hp_sa *sa,
		  const struct hp_keypair *keys);

/* ---- glue.c */

extern const struct hp_hip_ops hp_daemon_hip_ops;
extern const struct hp_pipe_ops hp_daemon_pipe_ops;
extern const struct hp_raw_ops hp_daemon_raw_ops;
void hp_daemon_captured(void *ctx, struct hp_packet *p);
void hp_daemon_local(void *ctx, struct hp_packet *p);
void hp_daemon_flush(void *ctx);

/* Who may reach applications on this host, and hosted servers.  0; -EPERM, -EACCES. */
int hp_daemon_may_associate(struct hp_daemon *d, const struct hp_addr *local_hit,
			    const struct hp_addr *peer_hit);

/* ---- sweep.c: associations and connections that are forbidden now */

struct hp_sweep *hp_sweep_new(struct hp_daemon *d);
void hp_sweep_free(struct hp_sweep *s);
/* HITs of peers that are in before and not in now, an allocated array of *n; NULL: no memory. */
struct hp_addr *hp_sweep_removed(const struct hp_conf *before, const struct hp_conf *now, size_t *n);
/* Rules of before and removed peers are taken over.  The sweep begins, and runs by timers. */
void hp_sweep_reloaded(struct hp_sweep *s, struct hp_policy *before, struct hp_addr *removed,
		       size_t n_removed);
/* HITs have been revoked, or may come again. */
void hp_sweep_again(struct hp_sweep *s);

/* ---- witness.c: what becomes a security event */

void hp_daemon_hip_dropped(void *ctx, int reason, const struct hp_addr *peer_hit,
			   const struct hp_path *path);
void hp_daemon_exchange_refused(struct hp_daemon *d, const struct hp_addr *local_hit,
				const struct hp_addr *peer_hit, const struct hp_path *path);
void hp_daemon_exchange_failed(struct hp_daemon *d, const struct hp_assoc *a);
void hp_daemon_alarm(void *ctx, const struct hp_packet *p, enum hp_drop_reason r);
void hp_daemon_limit_told(void *ctx, const char *setting, const struct hp_addr *who, bool reached);
void hp_daemon_control_event(void *ctx, enum hp_control_event ev, const struct hp_control_who *who,
			     const char *why);
/* A command that changes something has been run, with this result. */
void hp_daemon_commanded(struct hp_daemon *d, const struct hp_control_client *c,
			 const json_t *request, int err);
void hp_daemon_reload_done(struct hp_daemon *d, int err);
void hp_daemon_file_told(void *ctx, const char *path, int err);

/* ---- revoke.c: the commands */

int hp_daemon_revoke(struct hp_daemon *d, const json_t *request, json_t *reply);
/* Lists what is revoked. */
int hp_daemon_revocations(struct hp_daemon *d, json_t *reply);

/* ---- hosting.c */

int hp_daemon_lookup(void *ctx, const char *name, struct hp_addr *hit);
int hp_daemon_claim(void *ctx, const char *name, struct hp_addr *hit);
int hp_daemon_attract(void *ctx, const struct hp_prefix *pool);
int hp_daemon_masquerade(void *ctx, const struct hp_prefix *pool);
int hp_daemon_translate(void *ctx, struct hp_packet *p);
size_t hp_daemon_room(void *ctx, const struct hp_packet *p);
int hp_daemon_guard(void *ctx, const struct hp_addr *server);
int hp_daemon_answer(void *ctx, const char *iface, const struct hp_addr *addr);
int hp_daemon_backend_accept(const struct hp_daemon *d, const struct hp_addr *local_hit,
			     const struct hp_addr *peer_hit);

/* ---- transport.c */

/* For plugins and the control socket.  0, or -errno, logged, and nothing has changed. */
int hp_daemon_transport(void *ctx, const struct hp_transport *t);
void hp_daemon_transport_close(struct hp_daemon *d);
const char *hp_daemon_transport_name(enum hp_transport_mode mode);
/* 0, or -EINVAL. */
int hp_daemon_transport_parse(const char *name, enum hp_transport_mode *out);

/* ---- doctor.c */

/* What is wrong as far as the daemon can see it, now. */
void hp_daemon_doctor(struct hp_daemon *d, struct hp_findings *out);
/* This machine alone, to the log: once, when everything is up. */
void hp_daemon_doctor_log(struct hp_daemon *d);
void hp_daemon_denied(struct hp_daemon *d, const struct hp_addr *local_hit,
		      const struct hp_addr *peer_hit);

/* ---- commands.c, report.c, lists.c */

int hp_daemon_command(void *ctx, struct hp_control_client *c, const json_t *request,
		      json_t *reply);
int hp_report_status(struct hp_daemon *d, json_t *reply);
int hp_report_pipeline(struct hp_daemon *d, json_t *reply);
int hp_report_policy(struct hp_daemon *d, json_t *reply);
int hp_report_drops(struct hp_daemon *d, json_t *reply);
int hp_report_doctor(struct hp_daemon *d, json_t *reply);
/* top.c */
int hp_daemon_top(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		  json_t *reply);
/* associations, flows or peers: the request's "cmd". */
int hp_daemon_list(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		   json_t *reply);

#endif
