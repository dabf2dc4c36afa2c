/* SPDX-License-Identifier: MIT
 *
 * Starting hipproxy-gate where no service manager does (see gate.h).
 */
#include "daemon/daemon.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/gatesock.h"
#include "util/log.h"

#define PROGRAM "hipproxy-gate"
#define ARGS_MAX 12

/* Beside this program, where the build tree has it, or where it is installed. */
static int find(char out[PATH_MAX], struct hp_io_err *e)
{
	static const char *const places[] = { "", "/.." };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	for (size_t i = 0; slash && i < sizeof(places) / sizeof(*places); i++) {
		/* libtool's programs of the build tree are one folder deeper. */
		if (i && (slash - self < 6 || strncmp(slash - 6, "/.libs", 6)))
			break;
		if (snprintf(out, PATH_MAX, "%.*s%s/" PROGRAM, (int)(slash - self), self,
			     places[i]) < PATH_MAX &&
		    !access(out, X_OK))
			return 0;
	}
	snprintf(out, PATH_MAX, "%s/" PROGRAM, HP_SBIN_DIR);
	return access(out, X_OK) ? hp_io_fail(e, -errno, "%s: %s", out, strerror(errno)) : 0;
}

/* A namespace of its own lasts until the next boot at most, and so do files in /run. */
static int store_of_namespace(char out[HP_GATE_PATH_MAX])
{
	struct stat ours, first;

	out[0] = '\0';
	if (stat("/proc/self/ns/net", &ours) || stat("/proc/1/ns/net", &first) ||
	    ours.st_ino == first.st_ino)
		return 0;
	return hp_gatesock_path(".closed", out);
}

/* The arguments up to those of the caller.  How many, or -errno with a sentence. */
static int begin_args(const char *argv[ARGS_MAX], char program[PATH_MAX],
		      char store[HP_GATE_PATH_MAX], struct hp_io_err *e)
{
	int n = 0, err = find(program, e);

	if (!err) {
		err = store_of_namespace(store);
		if (err)
			hp_io_fail(e, err, PROGRAM ": the file's name: %s", strerror(-err));
	}
	if (err)
		return err;
	argv[n++] = PROGRAM;
	if (store[0]) {
		argv[n++] = "-s";
		argv[n++] = store;
	}
	return n;
}

/* Its own words say why it failed. */
static int await(pid_t pid, struct hp_io_err *e)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return hp_io_fail(e, -errno, PROGRAM ": %s", strerror(errno));
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	return hp_io_fail(e, -EIO, PROGRAM " could not be started");
}

int hp_gate_start(const char *conf_path, int level, bool keep_stderr, struct hp_io_err *e)
{
	char program[PATH_MAX], store[HP_GATE_PATH_MAX];
	const char *argv[ARGS_MAX];
	int n;
	pid_t pid;

	if (geteuid())
		return hp_io_fail(e, -EPERM, PROGRAM " does not run: start it before, as root "
				  "(systemctl start " PROGRAM ")");
	n = begin_args(argv, program, store, e);
	if (n < 0)
		return n;
	argv[n++] = "-c";
	argv[n++] = conf_path;
	argv[n++] = keep_stderr ? "-de" : "-d";
	if (level >= 0) {
		argv[n++] = "-l";
		argv[n++] = hp_log_level_name((enum hp_log_level)level);
	}
	argv[n] = NULL;
	pid = fork();
	if (pid < 0)
		return hp_io_fail(e, -errno, PROGRAM ": %s", strerror(errno));
	if (!pid) {
		execv(program, (char *const *)argv);
		_exit(127);
	}
	return await(pid, e);
}

int hp_gate_cleanup(const char *conf_path, struct hp_io_err *e)
{
	char program[PATH_MAX], store[HP_GATE_PATH_MAX];
	const char *argv[ARGS_MAX];
	int n = begin_args(argv, program, store, e);

	if (n < 0)
		return n;
	argv[n++] = "-c";
	argv[n++] = conf_path;
	argv[n++] = "--cleanup";
	argv[n] = NULL;
	execv(program, (char *const *)argv);
	return hp_io_fail(e, -errno, "%s: %s", program, strerror(errno));
}
