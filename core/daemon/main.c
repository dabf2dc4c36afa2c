/* SPDX-License-Identifier: MIT
 *
 * hipproxyd(8): the command line.
 */
#include "config.h"
#include "daemon/daemon.h"
#include "io/single.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/log.h"

struct options {
	const char *conf;
	int level;
	bool check, background, cleanup, show, version, help;
};

static void usage(FILE *out)
{
	fputs("usage: hipproxyd [-c FILE] [-l LEVEL] [-d]\n"
	      "       hipproxyd [-c FILE] -t | --show-pipeline\n"
	      "       hipproxyd [-c FILE] --cleanup\n"
	      "       hipproxyd -V | -h\n\n"
	      "  -c, --config FILE    configuration; " HP_CONF_DEFAULT_PATH "\n"
	      "  -d, --daemon         go to the background when ready\n"
	      "  -l, --level LEVEL    error|warning|notice|info|debug, for all subsystems\n"
	      "  -t, --test           check the configuration, its keys and plugins, and exit\n"
	      "      --show-pipeline  print the steps packets take, and exit\n"
	      "      --cleanup        open what the last daemon has left closed: remove its routing\n"
	      "                       rules, routes and packet filter rules\n"
	      "  -V, --version\n"
	      "  -h, --help\n",
	      out);
}

/* False: said why. */
static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "daemon", no_argument, NULL, 'd' },
		{ "level", required_argument, NULL, 'l' },
		{ "test", no_argument, NULL, 't' },
		{ "show-pipeline", no_argument, NULL, 'p' },
		{ "cleanup", no_argument, NULL, 'x' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:dl:tVh", longs, NULL)) != -1) {
		switch (c) {
		case 'c': o->conf = optarg; break;
		case 'd': o->background = true; break;
		case 't': o->check = true; break;
		case 'p': o->show = true; break;
		case 'x': o->cleanup = true; break;
		case 'V': o->version = true; break;
		case 'h': o->help = true; break;
		case 'l':
			o->level = hp_log_level_parse(optarg);
			if (o->level >= 0)
				break;
			fprintf(stderr, "hipproxyd: -l %s: expected error, warning, notice, info "
				"or debug\n", optarg);
			return false;
		default:
			return false;
		}
	}
	if (optind == argc)
		return true;
	fprintf(stderr, "hipproxyd: %s: unexpected argument\n", argv[optind]);
	return false;
}

static int cleanup(const struct options *o)
{
	struct hp_io_err err = { "" };
	int single = hp_single_take("hipproxyd", &err);

	if (single >= 0)
		hp_gate_cleanup(o->conf, &err);
	fprintf(stderr, "hipproxyd: %s\n", err.text);
	return EXIT_FAILURE;
}

/* Output that is lost, on a full disk, is a failure. */
static int written(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	perror("hipproxyd: standard output");
	return EXIT_FAILURE;
}

static int check(const struct options *o)
{
	struct hp_daemon d = { .opt.level = o->level };
	int err = hp_daemon_load(&d, o->conf);

	if (!err && o->show)
		hp_registry_show(d.registry, stdout);
	else if (!err)
		printf("%s: valid\n", o->conf);
	hp_daemon_stop(&d);
	return err ? EXIT_FAILURE : written(EXIT_SUCCESS);
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
	struct options o = { .conf = HP_CONF_DEFAULT_PATH, .level = -1 };

	hp_log_target(HP_LOG_AUTO, "hipproxyd");
	hp_log_level_all(HP_LOG_INFO);
	if (!parse(argc, argv, &o)) {
		usage(stderr);
		return 2;
	}
	if (o.help) {
		usage(stdout);
		return written(EXIT_SUCCESS);
	}
	if (o.version) {
		puts("hipproxyd " PACKAGE_VERSION);
		return written(EXIT_SUCCESS);
	}
	if (o.cleanup)
		return cleanup(&o);
	return o.check || o.show ? check(&o) : run(&o);
}
