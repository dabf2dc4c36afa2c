/* SPDX-License-Identifier: MIT
 *
 * Running helper programs (see run.h).
 */
#include "io/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/clock.h"

#define OUTPUT_MAX (64u << 20)

/* Our ends of the child's standard streams; -1 when closed. */
struct child {
	pid_t pid;
	int in, out, err;
	const char *input;
	size_t input_left;
	struct hp_buf output;
	struct hp_run *r;
	size_t errors_len;
};

const char *hp_run_find(const char *name, char *buf, size_t cap)
{
	static const char *const dirs[] = {"/usr/sbin", "/sbin", "/usr/bin", "/bin"};
	size_t i;
	int n;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		n = snprintf(buf, cap, "%s/%s", dirs[i], name);
		if (n > 0 && (size_t)n < cap && !access(buf, X_OK))
			return buf;
	}
	return NULL;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- starting */

/* Three pipes, as [0] read and [1] write ends. */
static int pipes_open(int p[3][2])
{
	int i, err;

	for (i = 0; i < 3; i++)
		p[i][0] = p[i][1] = -1;
	for (i = 0; i < 3; i++) {
		if (!pipe2(p[i], O_CLOEXEC))
			continue;
		err = -errno;
		for (i = 0; i < 3; i++) {
			close_end(&p[i][0]);
			close_end(&p[i][1]);
		}
		return err;
	}
	return 0;
}

static int spawn(const char *path, char *const *argv, int p[3][2], pid_t *pid)
{
	static char env_path[] = "PATH=/usr/sbin:/sbin:/usr/bin:/bin",
		    env_lang[] = "LC_ALL=C";
	char *env[] = {env_path, env_lang, NULL};
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, p[0][0], 0);
	posix_spawn_file_actions_adddup2(&fa, p[1][1], 1);
	posix_spawn_file_actions_adddup2(&fa, p[2][1], 2);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	err = posix_spawn(pid, path, &fa, &attr, argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	return -err;
}

static int child_start(struct child *c, const char *path, char *const *argv)
{
	int p[3][2], err = pipes_open(p);

	if (err)
		return err;
	err = spawn(path, argv, p, &c->pid);
	close_end(&p[0][0]);
	close_end(&p[1][1]);
	close_end(&p[2][1]);
	c->in = p[0][1];
	c->out = p[1][0];
	c->err = p[2][0];
	fcntl(c->in, F_SETFL, O_NONBLOCK);
	return err;
}

/* ---- while it runs */

static void input_write(struct child *c)
{
	ssize_t n = 0;

	if (c->input_left)
		n = write(c->in, c->input, c->input_left);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		c->input += n;
		c->input_left -= (size_t)n;
	}
	if (n < 0 || !c->input_left)
		close_end(&c->in);
}

static void output_read(struct child *c)
{
	char buf[16384];
	ssize_t n = read(c->out, buf, sizeof(buf));

	if (n <= 0 && errno != EINTR)
		close_end(&c->out);
	else if (n > 0 && c->output.len < OUTPUT_MAX)
		hp_buf_add(&c->output, buf, (size_t)n);
}

static void errors_read(struct child *c)
{
	char buf[1024];
	ssize_t n = read(c->err, buf, sizeof(buf)), i;

	if (n <= 0 && errno != EINTR)
		close_end(&c->err);
	for (i = 0; i < n && c->errors_len + 1 < sizeof(c->r->errors); i++) {
		bool blank = (unsigned char)buf[i] <= ' ';

		if (!blank)
			c->r->errors[c->errors_len++] = buf[i];
		else if (c->errors_len && c->r->errors[c->errors_len - 1] != ' ')
			c->r->errors[c->errors_len++] = ' ';
	}
}

/* Feeds and reads until the child has closed its output.  0 or -ETIMEDOUT. */
static int converse(struct child *c)
{
	uint64_t end = hp_clock_ms(&hp_clock_monotonic) + HP_RUN_TIMEOUT_MS, now;

	while (c->out >= 0 || c->err >= 0) {
		/* poll passes over descriptors of -1. */
		struct pollfd p[3] = {
			{c->in, POLLOUT, 0}, {c->out, POLLIN, 0}, {c->err, POLLIN, 0}};

		now = hp_clock_ms(&hp_clock_monotonic);
		if (now >= end || (poll(p, 3, (int)(end - now)) < 0 && errno != EINTR))
			return -ETIMEDOUT;
		errno = 0;
		if (p[0].revents)
			input_write(c);
		errno = 0;
		if (p[1].revents)
			output_read(c);
		errno = 0;
		if (p[2].revents)
			errors_read(c);
	}
	return 0;
}

static void errors_trim(struct child *c)
{
	char *text = c->r->errors;

	while (c->errors_len && text[c->errors_len - 1] == ' ')
		c->errors_len--;
	text[c->errors_len] = '\0';
}

static void child_end(struct child *c, bool kill_it)
{
	int status = 0;

	close_end(&c->in);
	close_end(&c->out);
	close_end(&c->err);
	if (kill_it)
		kill(c->pid, SIGKILL);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	c->r->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int hp_run(const char *const *argv, const char *input, struct hp_run *r)
{
	struct child c = {.in = -1,
			  .out = -1,
			  .err = -1,
			  .input = input,
			  .r = r,
			  .input_left = input ? strlen(input) : 0};
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
	char path[256];
	int err;

	memset(r, 0, sizeof(*r));
	if (!hp_run_find(argv[0], path, sizeof(path)))
		return -ENOENT;
	sigaction(SIGPIPE, &ignore, &old);
	err = child_start(&c, path, (char *const *)(uintptr_t)argv);
	if (!err) {
		err = converse(&c);
		child_end(&c, err != 0);
	}
	close_end(&c.in);
	close_end(&c.out);
	close_end(&c.err);
	sigaction(SIGPIPE, &old, NULL);
	errors_trim(&c);
	r->out_len = c.output.len;
	r->out = hp_buf_take(&c.output);
	return err;
}
