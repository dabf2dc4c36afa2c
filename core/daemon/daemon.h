/* SPDX-License-Identifier: MIT
 *
 * The daemon: everything wired together on one loop.
 *
 *	start     the parts in their order (part.h says what a part is)
 *	load      configuration and plugins; identities: their keys; check: all of it together
 *	process   log, pid file, rights; loop: timers and signals; kept: files of its own
 *	sockets   where packets come from; engine and pipeline: what is done with them, and what they call
 *	gate      the process that leads packets here; capture: when it does
 *	restore   flows and peers of before; quit: an orderly end; sandbox: what is given up
 *	commands  what the control socket can ask for
 *	ports     UDP ports of plugins
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
#include "daemon/part.h"
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

struct hp_supervisor;
struct hp_sweep;

/* Each struct belongs to one file, which alone changes what is in it. */

/* main.c: the command line. */
struct hp_options {
	const char *conf_path; /* borrowed */
	int level;             /* enum hp_log_level, or -1 */
	bool background;       /* without standard error */
};

/* identities.c */
struct hp_own {
	struct hp_key **keys; /* of conf->identities, in their order */
	size_t n_keys;
	struct hp_addr client_hit, host_hit;
	struct hp_addr other_hits[8]; /* they stand in for client_hit */
	size_t n_other_hits;
};

/* process.c */
struct hp_process {
	uint64_t started_ms;
	int single;       /* descriptor, see io/single.h; 0: none */
	bool pid_written;
};

/* quit.c */
struct hp_quit {
	struct hp_timer timer;
	uint64_t end_ms;
	bool stopping;
};

/* kept.c */
struct hp_kept {
	struct hp_jobs *writers; /* one thread that waits for disks */
	struct hp_disk disk;     /* for files that it writes */
	struct hp_pins *pins;    /* NULL: not wanted */
	struct hp_revoked *revoked;
	struct hp_state *state;  /* NULL: none */
	int state_err;		 /* why it can't be used */
};

/* keylog.c: for debugging */
struct hp_keylog {
	FILE *file; /* NULL: none */
	int err;    /* of the last line, 0: it was written */
};

/* sockets.c */
struct hp_net {
	struct hp_pool *pool;
	struct hp_route *route;
	struct hp_raw *raw;
	struct hp_tun *tun;
	struct hp_nfq *nfq;             /* NULL: no discovery */
	struct hp_conntrack *conntrack; /* with nfq; NULL: connections can't be told of */
};

/* ports.c */
struct hp_ports {
	struct hp_outer_port *at[HP_OUTER_PORTS]; /* of plugins; NULL: free */
};

/* An association that access rules refused. */
#define HP_DAEMON_DENIALS 8
struct hp_daemon_denial {
	struct hp_addr local_hit, peer_hit;
	uint64_t last_ms; /* 0: unused */
};

/* access.c */
struct hp_access {
	struct hp_tally met; /* HITs of peers that clients have talked to */
	struct hp_daemon_denial denials[HP_DAEMON_DENIALS];
};

/* pipeline.c */
struct hp_pipeline {
	struct hp_pipe_ops ops;
};

/* commands.c */
struct hp_ctl {
	struct hp_control *socket;
	struct hp_control_client *tracer; /* gets a line for each packet, or NULL */
	unsigned int n_tops;              /* clients that watch rates (top.c) */
};

/* reload.c: of a daemon that only tries a configuration, and of one that reloads. */
struct hp_reload {
	const struct hp_daemon *running; /* the daemon that reloads; NULL: this one is to run */
	struct hp_conf *tried;           /* the configuration that plugins are asked about, or NULL */
	json_t *complaints;              /* for the answer to a reload, or NULL */
};

struct hp_daemon {
	const struct hp_part *const *parts; /* NULL: not started */
	size_t begun;                       /* parts */
	struct hp_supervisor *supervisor;   /* the service manager, borrowed; NULL: nobody is told */
	struct hp_options opt;
	struct hp_conf *conf;
	struct hp_own own;
	struct hp_reload reload;
	struct hp_clock clock;
	struct hp_timers timers;
	struct hp_loop *loop;
	struct hp_process process;
	struct hp_quit quit;
	struct hp_incidents *incidents;
	struct hp_kept kept;
	struct hp_keylog keylog;
	struct hp_gate_link gate;
	struct hp_net net;
	struct hp_ports ports;
	struct hp_jobs *jobs;
	struct hp_registry *registry;
	struct hp_access access;
	struct hp_hip *hip;
	struct hp_pipe *pipe;
	struct hp_pipeline pipeline;
	struct hp_sweep *sweep;
	struct hp_ctl ctl;
	struct hp_sandbox sandbox;
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

/* Frees what hp_daemon_load has made. */
void hp_daemon_unload(struct hp_daemon *d);

/* ---- identities.c */

/* All keys, so that all complaints are there; those that failed stay NULL.  0, or the first error. */
int hp_identities_load(struct hp_daemon *d, struct hp_conf_report *report);
/* After that: which HIT has which role. */
void hp_identities_roles(struct hp_daemon *d);
void hp_identities_free(struct hp_own *own);

/* ---- start.c */

/* Starts all parts.  0, or -errno, reported, and what was started is stopped; hp_daemon_stop cleans up
 * in either case. */
int hp_daemon_start(struct hp_daemon *d);
/* The same with other parts than hp_daemon_parts, for tests. */
int hp_daemon_start_parts(struct hp_daemon *d, const struct hp_part *const *parts);
/* Undoes start and load. */
void hp_daemon_stop(struct hp_daemon *d);
/* Report err of what, or the sentence in e, to the log.  Return err. */
int hp_daemon_fail(int err, const char *what);
int hp_daemon_fail_io(int err, const struct hp_io_err *e);

/* All parts in their order; each is in the file that is named beside it. */
extern const struct hp_part *const hp_daemon_parts[];
extern const struct hp_part hp_part_process;      /* process.c */
extern const struct hp_part hp_part_loop;         /* loop.c */
extern const struct hp_part hp_part_quit;         /* quit.c */
extern const struct hp_part hp_part_incidents;    /* witness.c */
extern const struct hp_part hp_part_kept;         /* kept.c */
extern const struct hp_part hp_part_keylog;       /* keylog.c */
extern const struct hp_part hp_part_gate;         /* gate.c */
extern const struct hp_part hp_part_sockets;      /* sockets.c */
extern const struct hp_part hp_part_ports;        /* ports.c */
extern const struct hp_part hp_part_workers;      /* engine.c */
extern const struct hp_part hp_part_plugins;      /* start.c */
extern const struct hp_part hp_part_access;       /* access.c */
extern const struct hp_part hp_part_engine;       /* engine.c */
extern const struct hp_part hp_part_pipeline;     /* pipeline.c */
extern const struct hp_part hp_part_sweep;        /* sweep.c */
extern const struct hp_part hp_part_control;      /* commands.c */
extern const struct hp_part hp_part_rights;       /* process.c */
extern const struct hp_part hp_part_plugin_start; /* start.c */
extern const struct hp_part hp_part_restore;      /* restore.c */
extern const struct hp_part hp_part_capture;      /* capture.c */
extern const struct hp_part hp_part_sandbox;      /* sandbox.c */
extern const struct hp_part hp_part_ready;        /* start.c */

/* ---- process.c */

/* Does the configuration need NFQUEUE, and so CAP_NET_ADMIN? */
bool hp_daemon_needs_queue(const struct hp_daemon *d);

/* ---- quit.c */

/* Closes associations, then ends the loop; a second call ends it at once. */
void hp_daemon_quit(struct hp_daemon *d);

/* ---- kept.c */

/* Does this configuration pin HITs? */
bool hp_daemon_keeps_pins(const struct hp_conf *conf);

/* ---- sockets.c */

/* Opens the queues of discovery, if they are not open.  0, or -errno and a sentence in err. */
int hp_daemon_open_queue(struct hp_daemon *d, struct hp_io_err *err);
/* n runs have come together by whatever socket. */
void hp_daemon_arrived(void *ctx, struct hp_outer_run *r, unsigned int n);

/* ---- capture.c */

/* Clients' traffic is protected (on), or all of it passes plain.  0, or -errno and a sentence in
 * err. */
int hp_daemon_capture(struct hp_daemon *d, bool on, struct hp_io_err *err);
/* An orderly end: the gate opens what the configuration wants open. */
void hp_daemon_capture_end(struct hp_daemon *d);

/* ---- reload.c */

/* What a reload has made before anything changes. */
struct hp_prepared {
	struct hp_conf *conf;
	struct hp_hip_config hip;
	struct hp_policy *policy;
	struct hp_pins *pins;       /* read anew: they may have been edited; NULL: not wanted */
	struct hp_revoked *revoked; /* the same */
	struct hp_addr *removed;    /* peers */
	size_t n_removed;
	struct hp_policy *before;   /* from the pipeline to the sweep: the rules until now */
};

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

/* struct hp_hip_ops.sa_keys */
void hp_keylog_sa(void *ctx, const struct hp_assoc *a, const struct hp_sa *sa,
		  const struct hp_keypair *keys);

/* ---- access.c */

/* May there be an association of these two?  0; -EPERM, -EACCES. */
int hp_daemon_may_associate(struct hp_daemon *d, const struct hp_addr *local_hit,
			    const struct hp_addr *peer_hit);
/* The association is up: its peer may come back if it has lost its state. */
void hp_daemon_met(struct hp_daemon *d, const struct hp_assoc *a);
/* Access rules have refused an association. */
void hp_daemon_denied(struct hp_daemon *d, const struct hp_addr *local_hit,
		      const struct hp_addr *peer_hit);

/* ---- sweep.c: associations and connections that are forbidden now */

/* HITs of peers that are in before and not in now, an allocated array of *n; NULL: no memory. */
struct hp_addr *hp_sweep_removed(const struct hp_conf *before, const struct hp_conf *now, size_t *n);
/* HITs have been revoked, or may come again. */
void hp_sweep_again(struct hp_sweep *s);

/* commands.c: runs one request of the control socket; hp_control_fn, ctx is the daemon. */
int hp_daemon_command(void *ctx, struct hp_control_client *c, const json_t *request, json_t *reply);

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

/* ---- describe.c */

/* Prints all settings of the core and of the plugins that are built in or in plugin_dir
 * (conf/describe.h).  0, or -errno, reported: some plugins can't be loaded. */
int hp_daemon_describe(FILE *out, const char *plugin_dir);

/* ---- hosting.c */

int hp_daemon_lookup(void *ctx, const char *name, struct hp_addr *hit);
int hp_daemon_claim(void *ctx, const char *name, struct hp_addr *hit);
int hp_daemon_attract(void *ctx, const struct hp_prefix *pool);
int hp_daemon_masquerade(void *ctx, const struct hp_prefix *pool);
int hp_daemon_translate(void *ctx, struct hp_packet *p);
size_t hp_daemon_room(void *ctx, const struct hp_packet *p);
int hp_daemon_guard(void *ctx, const struct hp_addr *server);
int hp_daemon_answer(void *ctx, const char *iface, const struct hp_addr *addr);
/* The answer of the backend that has ask->local_hit, as a sentence: 0, -EACCES; -ENOENT if none
 * has. */
int hp_daemon_backend_explain(const struct hp_daemon *d, const struct hp_backend_ask *ask,
			      char *text, size_t bytes);
int hp_daemon_backend_accept(const struct hp_daemon *d, const struct hp_addr *local_hit,
			     const struct hp_addr *peer_hit);

/* ---- plugloop.c: what plugins are lent (struct hp_registry_config) */

int hp_daemon_fd_add(void *ctx, int fd, unsigned int events, struct hp_plugin_fd *w,
		     void **handle);
int hp_daemon_fd_mod(void *ctx, void *handle, unsigned int events);
void hp_daemon_fd_del(void *ctx, void *handle);
/* Of the daemon, the ctx. */
extern const struct hp_record_store hp_daemon_records;

/* ---- ports.c */

extern const struct hp_registry_outer hp_daemon_outer;
/* What was not received or sent, of all open ports. */
struct hp_encap_counts hp_daemon_ports_counts(const struct hp_daemon *d);
/* The plugin that chooses paths and its mode; false: there is none, and the mode is "off". */
bool hp_daemon_transport(const struct hp_daemon *d, struct hp_transport_ref *out,
			 struct hp_transport_status *status);

/* ---- doctor.c */

/* What is wrong as far as the daemon can see it, now. */
void hp_daemon_doctor(struct hp_daemon *d, struct hp_findings *out);
/* This machine alone, to the log: once, when everything is up. */
void hp_daemon_doctor_log(struct hp_daemon *d);

/* ---- commands.c, report.c, lists.c */

int hp_report_status(struct hp_daemon *d, json_t *reply);
int hp_report_pipeline(struct hp_daemon *d, json_t *reply);
int hp_report_policy(struct hp_daemon *d, json_t *reply);
int hp_report_drops(struct hp_daemon *d, json_t *reply);
/* metrics.c */
int hp_report_metrics(struct hp_daemon *d, json_t *reply);
/* plugcmd.c: plugins' commands, what plugins are and have, running a command. */
int hp_report_commands(struct hp_daemon *d, json_t *reply);
int hp_report_plugins(struct hp_daemon *d, json_t *reply);
int hp_daemon_plugin_command(struct hp_daemon *d, struct hp_control_client *c,
			     const json_t *request, json_t *reply);
int hp_report_doctor(struct hp_daemon *d, json_t *reply);
/* top.c */
int hp_daemon_top(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		  json_t *reply);
/* associations, flows or peers: the request's "cmd". */
/* The reply to a command comes from fn, when the gate has said how it is. */
int hp_daemon_fresh(struct hp_daemon *d, struct hp_control_client *c,
		    int (*fn)(struct hp_daemon *d, json_t *reply));
/* The command "flush": its reply comes when all of it is done. */
int hp_daemon_flush_tables(struct hp_daemon *d, struct hp_control_client *c,
			   const json_t *request, json_t *reply);
int hp_daemon_list(struct hp_daemon *d, struct hp_control_client *c, const json_t *request,
		   json_t *reply);

#endif
