/* SPDX-License-Identifier: MIT
 *
 * hipproxyd(8): the command line.
 */
#include "config.h"
#include "daemon/daemon.h"
#include "io/single.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/log.h"
#include "util/options.h"

struct options {
	const char *conf, *plugin_dir;
	int level;
	bool check, background, cleanup, show, describe;
};

static const char usage[] =
	"usage: hipproxyd [-c FILE] [-l LEVEL] [-d]\n"
	"       hipproxyd [-c FILE] -t | --show-pipeline\n"
	"       hipproxyd --describe [--plugin-dir DIR]\n"
	"       hipproxyd [-c FILE] --cleanup\n"
	"       hipproxyd -V | -h\n\n"
	"  -c, --config FILE    configuration; " HP_CONF_DEFAULT_PATH "\n"
	"  -d, --daemon         go to the background when ready\n"
	"  -l, --level LEVEL    error|warning|notice|info|debug, for all subsystems\n"
	"  -t, --test           check the configuration, its keys and plugins, and exit\n"
	"      --show-pipeline  print the steps packets take, and exit\n"
	"      --describe       print all settings, those of plugins too, and exit\n"
	"      --plugin-dir DIR with --describe: where plugins are; " HP_PLUGIN_DIR "\n"
	"      --cleanup        open what the last daemon has left closed: remove its routing\n"
	"                       rules, routes and packet filter rules\n"
	"  -V, --version\n"
	"  -h, --help\n";

static int cleanup(const struct options *o)
{
	struct hp_io_err err = { "" };
	int single = hp_single_take("hipproxyd", &err);

	if (single >= 0)
		hp_gate_cleanup(o->conf, &err);
	fprintf(stderr, "hipproxyd: %s\n", err.text);
	return EXIT_FAILURE;
}

static int check(const struct options *o, const struct hp_program *program)
{
	struct hp_daemon d = { .opt.level = o->level };
	int err = hp_daemon_load(&d, o->conf);

	if (!err && o->show)
		hp_registry_show(d.registry, stdout);
	else if (!err)
		printf("%s: valid\n", o->conf);
	hp_daemon_stop(&d);
	return err ? EXIT_FAILURE : hp_output_status(program, EXIT_SUCCESS);
}

static int describe(const struct options *o, const struct hp_program *program)
{
	int err = hp_daemon_describe(stdout, o->plugin_dir);

	return hp_output_status(program, err ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* ---- the background */

/* The parent stays until the child is ready or gone.  Returns in the child, with the descriptor
 * to write to. */
static int to_background(void)
{
	int fds[2];
	pid_t pid;
	char ok;

	if (pipe(fds) || (pid = fork()) < 0) {
		perror("hipproxyd");
		exit(EXIT_FAILURE);
	}
	if (pid) {
		close(fds[1]);
		_exit(read(fds[0], &ok, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	close(fds[0]);
	setsid();
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	return fds[1];
}

static void say_ready(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	hp_log_background();
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		close(null);
	}
	if (write(fd, "", 1) != 1)
		exit(EXIT_FAILURE);
	close(fd);
}

static int run(const struct options *o)
{
	int ready = o->background ? to_background() : -1;
	struct hp_supervisor *supervisor = hp_supervisor_new();
	struct hp_daemon d = { .opt.level = o->level, .supervisor = supervisor,
			       .opt.background = o->background };
	int err = hp_daemon_load(&d, o->conf);

	if (!err)
		err = hp_daemon_start(&d);
	if (!err && ready >= 0)
		say_ready(ready);
	if (!err) {
		hp_supervisor_ready(&d);
		err = hp_loop_run(d.loop);
	}
	if (err)
		hp_supervisor_failed(supervisor, err);
	hp_daemon_stop(&d);
	hp_supervisor_free(supervisor);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options o = { .conf = HP_CONF_DEFAULT_PATH, .plugin_dir = HP_PLUGIN_DIR, .level = -1 };
	const struct hp_option options[] = {
		{ "config", 'c', .text = &o.conf },
		{ "daemon", 'd', .flag = &o.background },
		{ "level", 'l', .level = &o.level },
		{ "test", 't', .flag = &o.check },
		{ "show-pipeline", 0, .flag = &o.show },
		{ "describe", 0, .flag = &o.describe },
		{ "plugin-dir", 0, .text = &o.plugin_dir },
		{ "cleanup", 0, .flag = &o.cleanup },
		{ .name = NULL },
	};
	const struct hp_program program = { "hipproxyd", usage, options };
	int status;

	hp_log_target(HP_LOG_AUTO, "hipproxyd");
	hp_log_level_all(HP_LOG_INFO);
	status = hp_options_read(&program, argc, argv);
	if (status >= 0)
		return status;
	if (o.cleanup)
		return cleanup(&o);
	if (o.describe)
		return describe(&o, &program);
	return o.check || o.show ? check(&o, &program) : run(&o);
}
