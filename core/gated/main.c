/* SPDX-License-Identifier: MIT
 *
 * hipproxy-gate(8): the command line, and from nothing to a closed gate.
 */
#include "config.h"
#include "gated/gated.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/single.h"
#include "util/log.h"
#include "util/options.h"

#define RESTART_US 200000 /* after its end that nobody has asked for */
#define STORE	   HP_GATE_STATE_DIR "/closed"

struct options {
	const char *conf, *store;
	int level;
	bool background, keep_stderr, cleanup;
	char absolute[PATH_MAX]; /* conf, when the working folder changes */
};

static const char usage[] =
	"usage: hipproxy-gate [-c FILE] [-s FILE] [-l LEVEL] [-d [-e]]\n"
	"       hipproxy-gate --cleanup [-c FILE] [-s FILE] | -V | -h\n\n"
	"  -c, --config FILE  configuration of hipproxyd; " HP_CONF_DEFAULT_PATH "\n"
	"  -s, --store FILE   what was closed by the last good configuration; " STORE "\n"
	"  -d, --daemon       go to the background when everything is closed, and be started\n"
	"                     anew after a crash; ends when all is opened on purpose\n"
	"  -e, --stderr       with -d: keep standard error\n"
	"  -l, --level LEVEL  error|warning|notice|info|debug\n"
	"      --cleanup      open: remove all rules, routes and the TUN device\n"
	"  -V, --version\n"
	"  -h, --help\n";

/* ---- start */

static void on_end(void *ctx, int signo)
{
	struct hp_gated *g = ctx;

	hp_log(HP_LOG_CORE, HP_LOG_NOTICE, "%s: ending; what is closed stays closed",
	       strsignal(signo));
	hp_loop_stop(g->loop);
}

/* The configuration may have been mended while no daemon runs. */
static void on_reload(void *ctx, int signo)
{
	struct hp_gated *g = ctx;
	struct hp_io_err e = { "" };
	struct hp_conf *conf;

	(void)signo;
	if (g->daemon || hp_gated_load(g, &conf, &e))
		return;
	hp_conf_free(g->conf);
	g->conf = conf;
	if (!hp_gated_named(conf, &g->named) && !g->opened)
		hp_gated_apply(g, true, &e);
}

static void on_store(struct hp_timer *t)
{
	hp_gated_store(HP_CONTAINER(t, struct hp_gated, store_timer));
}

static int make_loop(struct hp_gated *g)
{
	int err = 0;

	hp_timers_init(&g->timers, hp_clock_ms(&g->clock));
	hp_timer_init(&g->store_timer, on_store);
	g->loop = hp_loop_new(&g->timers, &g->clock);
	if (!g->loop)
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	err = hp_loop_signal(g->loop, SIGTERM, on_end, g);
	if (!err)
		err = hp_loop_signal(g->loop, SIGINT, on_end, g);
	return err ? err : hp_loop_signal(g->loop, SIGHUP, on_reload, g);
}

/* What the file or the configuration wants closed, before hipproxyd has ever run. */
static void close_now(struct hp_gated *g)
{
	const struct hp_gate_plan *p = &g->plan;
	struct hp_io_err e = { "" };
	int err;

	if (!p->tun[0] || p->stays_open || (!p->clients && !p->pools.n && !p->hosted.n))
		return;
	if (g->conf) {
		hp_gated_apply(g, true, &e);
		return;
	}
	err = hp_gated_device(g, p->tun, p->mtu, true, &e);
	if (!err)
		err = hp_gated_keep(g, p->clients, &e);
	if (err)
		hp_log(HP_LOG_IO, HP_LOG_ERROR, "%s", e.text);
}

static void set_logging(const struct hp_gated *g, int level)
{
	const struct hp_conf_log *log = g->conf ? &g->conf->log : NULL;

	if (log)
		hp_log_target((enum hp_log_target)log->target, "hipproxy-gate");
	if (level >= 0)
		hp_log_level_all((enum hp_log_level)level);
	else if (log)
		hp_log_level_all((enum hp_log_level)log->level);
	for (int i = 0; log && level < 0 && i < HP_LOG_SUBSYSTEMS; i++)
		if (log->subsys[i] >= 0)
			hp_log_level_set((enum hp_log_subsys)i, (enum hp_log_level)log->subsys[i]);
}

static int begin(struct hp_gated *g, const struct options *o, struct hp_io_err *e)
{
	int err = make_loop(g);

	if (err)
		return hp_io_fail(e, err, "event loop: %s", strerror(-err));
	err = hp_single_take("hipproxy-gate", e);
	if (err < 0)
		return err;
	g->single = err;
	err = hp_gated_keep_open(g, e);
	if (err)
		return err;
	err = hp_gated_begin(g);
	if (err)
		return hp_io_fail(e, err, "%s: %s", g->conf_path, strerror(-err));
	set_logging(g, o->level);
	g->gone_ms = hp_clock_ms(&g->clock);
	close_now(g);
	return hp_gated_listen(g, e);
}

static void end(struct hp_gated *g)
{
	if (hp_timer_armed(&g->store_timer))
		hp_gated_store(g);
	hp_gated_hang_up(g);
	hp_gated_keep_close(g);
	hp_gate_plan_free(&g->plan);
	hp_gated_lists_free(&g->now);
	hp_gated_lists_free(&g->staged);
	hp_gate_prefixes_free(&g->named);
	hp_conf_free(g->next);
	hp_conf_free(g->conf);
	free(g->stored);
	free(g->conf_path);
	hp_sdnotify_fini(&g->notify);
	if (g->loop)
		hp_loop_free(g->loop);
	if (g->single)
		close(g->single);
}

static void say_ready(struct hp_gated *g, int ready)
{
	hp_sdnotify_send(&g->notify, "READY=1\nSTATUS=%s", g->on ? "closed" : "nothing to close");
	if (ready < 0)
		return;
	if (write(ready, "", 1) != 1)
		hp_log(HP_LOG_CORE, HP_LOG_WARNING, "who has started this process is gone");
	close(ready);
}

/* ready: a descriptor to write to, or -1. */
static int run(const struct options *o, int ready)
{
	struct hp_gated *g = calloc(1, sizeof(*g));
	struct hp_io_err e = { "" };
	int err;

	if (!g)
		return EXIT_FAILURE;
	g->clock = hp_clock_monotonic;
	g->conf_path = realpath(o->conf, NULL);
	if (!g->conf_path)
		g->conf_path = strdup(o->conf);
	g->store = o->store;
	g->by_hand = o->background;
	hp_sdnotify_init(&g->notify);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	err = g->conf_path ? begin(g, o, &e) : -ENOMEM;
	if (!err) {
		say_ready(g, ready);
		err = hp_loop_run(g->loop);
	}
	if (err)
		hp_log(HP_LOG_CORE, HP_LOG_ERROR, "%s", e.text[0] ? e.text : strerror(-err));
	end(g);
	free(g);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- the background, without a service manager */

static volatile sig_atomic_t watched; /* process */

static void pass_on(int signo)
{
	if (watched > 0)
		kill(watched, signo);
}

/* Starts the gate anew when it ends otherwise than by itself; ends with it.  The first one says
 * when it is ready. */
static int watch(const struct options *o, int ready)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	int status;

	for (;;) {
		pid_t pid = fork();

		if (!pid)
			return run(o, ready);
		if (pid < 0)
			return EXIT_FAILURE;
		watched = pid;
		if (ready >= 0)
			close(ready);
		for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
			signal(signals[i], pass_on);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		watched = 0;
		/* One that could not begin is not begun again. */
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
			signal(signals[i], SIG_DFL);
		hp_log(HP_LOG_CORE, HP_LOG_ERROR, "hipproxy-gate was ended by signal %d (%s): started "
		       "anew", WTERMSIG(status), strsignal(WTERMSIG(status)));
		ready = -1;
		usleep(RESTART_US);
	}
}

static void leave_terminal(bool keep_stderr)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	if (chdir("/") || null < 0)
		return;
	dup2(null, 0);
	dup2(null, 1);
	if (!keep_stderr) {
		hp_log_background();
		dup2(null, 2);
	}
	close(null);
}

static int background(struct options *o)
{
	int fds[2];
	pid_t pid;
	char ok;

	if (realpath(o->conf, o->absolute))
		o->conf = o->absolute;
	if (pipe2(fds, O_CLOEXEC) || (pid = fork()) < 0) {
		perror("hipproxy-gate");
		return EXIT_FAILURE;
	}
	if (pid) {
		close(fds[1]);
		_exit(read(fds[0], &ok, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	close(fds[0]);
	leave_terminal(o->keep_stderr);
	return watch(o, fds[1]);
}

/* ---- opening on purpose */

/* Asks the gate that runs.  0, -ENOENT: none runs, or -errno with a sentence. */
static int ask_to_open(struct hp_io_err *e)
{
	struct hp_gate_msg m = { .type = HP_GM_CLEANUP };
	char path[HP_GATE_PATH_MAX];
	int err = hp_gatesock_path(".sock", path), sock, fd;

	if (err)
		return hp_io_fail(e, err, "gate: the socket's name: %s", strerror(-err));
	sock = hp_gatesock_connect(path);
	if (sock == -ENOENT || sock == -ECONNREFUSED)
		return -ENOENT;
	if (sock < 0)
		return hp_io_fail(e, sock, "%s: %s", path, strerror(-sock));
	err = hp_gatesock_send(sock, &m, -1);
	if (!err)
		err = hp_gatesock_wait(sock, 30000);
	if (!err)
		err = hp_gatesock_recv(sock, &m, &fd);
	if (!err && m.type == HP_GM_REFUSED)
		err = hp_io_fail(e, -EBUSY, "%s", m.text);
	else if (err)
		hp_io_fail(e, err, "hipproxy-gate does not answer: %s", strerror(-err));
	close(sock);
	return err;
}

static void ignore(void *ctx, const char *text)
{
	(void)ctx, (void)text;
}

/* By the file, or else by the configuration, which may be wrong: then the usual name. */
static int remove_device(struct hp_gated *g, const struct options *o, struct hp_io_err *e)
{
	struct hp_conf_report quiet = { .line = ignore };
	struct hp_conf *conf = NULL;
	int err;

	if (hp_gated_restore(g, &g->plan))
		return hp_tundev_delete(g->plan.tun, e);
	hp_conf_load(o->conf, &conf, &quiet);
	err = hp_tundev_delete(conf ? conf->tun.name : "hip0", e);
	hp_conf_free(conf);
	return err;
}

/* Without a gate that runs. */
static int open_alone(const struct options *o, struct hp_io_err *e)
{
	struct hp_gated g = { .clock = hp_clock_monotonic, .store = o->store };
	int err = hp_single_take("hipproxy-gate", e);

	if (err < 0)
		return err;
	g.single = err;
	err = make_loop(&g);
	if (err)
		hp_io_fail(e, err, "event loop: %s", strerror(-err));
	if (!err)
		err = hp_gated_keep_open(&g, e);
	if (!err)
		err = hp_gated_clear(&g, e);
	if (!err)
		err = remove_device(&g, o, e);
	if (!err)
		hp_gated_unstore(&g);
	end(&g);
	return err;
}

static int cleanup(const struct options *o)
{
	struct hp_io_err e = { "" };
	int err = ask_to_open(&e);

	if (err == -ENOENT)
		err = open_alone(o, &e);
	if (!err)
		return EXIT_SUCCESS;
	fprintf(stderr, "hipproxy-gate: %s\n", e.text[0] ? e.text : strerror(-err));
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct options o = { .conf = HP_CONF_DEFAULT_PATH, .store = STORE, .level = -1 };
	const struct hp_option options[] = {
		{ "config", 'c', .text = &o.conf },
		{ "store", 's', .text = &o.store },
		{ "daemon", 'd', .flag = &o.background },
		{ "stderr", 'e', .flag = &o.keep_stderr },
		{ "level", 'l', .level = &o.level },
		{ "cleanup", 0, .flag = &o.cleanup },
		{ .name = NULL },
	};
	const struct hp_program program = { "hipproxy-gate", usage, options };
	int status;

	hp_log_target(HP_LOG_AUTO, "hipproxy-gate");
	hp_log_level_all(HP_LOG_INFO);
	status = hp_options_read(&program, argc, argv);
	if (status >= 0)
		return status;
	if (o.cleanup)
		return cleanup(&o);
	return o.background ? background(&o) : run(&o, -1);
}
