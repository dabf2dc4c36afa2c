/* SPDX-License-Identifier: MIT
 *
 * Connections of hipproxyd and hipproxyctl: made, read, ended.
 */
#include "gated/gated.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define READS_PER_ROUND 64

static void hang_up(struct hp_gated_client *c)
{
	struct hp_gated *g = c->g;

	hp_loop_del(g->loop, &c->watch);
	close(c->fd);
	*c = (struct hp_gated_client){ .g = g };
	if (g->daemon == c)
		hp_gated_daemon_gone(g);
}

void hp_gated_send(struct hp_gated_client *c, const struct hp_gate_msg *m, int fd)
{
	int err = c->fd ? hp_gatesock_send(c->fd, m, fd) : 0;

	if (err && err != -EPIPE && err != -ECONNRESET)
		hp_log_limited(&c->g->refusal_tokens, HP_LOG_CTL, HP_LOG_WARNING,
			       "process %ld: an answer (%s) is lost: %s", (long)c->pid,
			       hp_gate_msg_name(m->type), strerror(-err));
}

/* False: no more can be read now. */
static bool read_one(struct hp_gated_client *c)
{
	struct hp_gate_msg m;
	int fd, err = hp_gatesock_recv(c->fd, &m, &fd);

	if (!err) {
		hp_gated_answer(c, &m, fd);
		return c->fd;
	}
	if (err == -EAGAIN || err == -EINTR)
		return err == -EINTR;
	if (err == -EBADMSG) {
		c->g->refused++;
		hp_log_limited(&c->g->refusal_tokens, HP_LOG_CTL, HP_LOG_WARNING,
			       "process %ld (user %u) sent no message of hipproxyd: connection closed",
			       (long)c->pid, c->uid);
	}
	hang_up(c);
	return false;
}

static void on_message(void *ctx, uint32_t events)
{
	(void)events;
	for (int i = 0; i < READS_PER_ROUND; i++)
		if (!read_one(ctx))
			return;
}

static void on_connection(void *ctx, uint32_t events)
{
	struct hp_gated *g = ctx;
	struct hp_gated_client *c = NULL;
	uid_t uid;
	pid_t pid;
	int fd = hp_gatesock_accept(g->listener, &uid, &pid);

	(void)events;
	if (fd == -EACCES) {
		g->refused++;
		hp_log_limited(&g->refusal_tokens, HP_LOG_CTL, HP_LOG_WARNING,
			       "a connection of a user who is neither root nor hipproxy is refused");
	}
	if (fd < 0)
		return;
	for (size_t i = 0; i < HP_GATED_CLIENTS && !c; i++)
		if (!g->clients[i].fd)
			c = &g->clients[i];
	if (!c || hp_loop_add(g->loop, &c->watch, fd, EPOLLIN, on_message, c)) {
		close(fd);
		return;
	}
	c->fd = fd;
	c->uid = uid;
	c->pid = pid;
}

int hp_gated_listen(struct hp_gated *g, struct hp_io_err *e)
{
	char path[HP_GATE_PATH_MAX];
	int err = hp_gatesock_path(".sock", path), fd;

	if (err)
		return hp_io_fail(e, err, "gate: the socket's name: %s", strerror(-err));
	for (size_t i = 0; i < HP_GATED_CLIENTS; i++)
		g->clients[i].g = g;
	hp_tokens_init(&g->refusal_tokens, 1, 10);
	fd = hp_gatesock_listen(path, e);
	if (fd < 0)
		return fd;
	g->listener = fd;
	err = hp_loop_add(g->loop, &g->watch, fd, EPOLLIN, on_connection, g);
	return err ? hp_io_fail(e, err, "gate: %s: %s", path, strerror(-err)) : 0;
}

void hp_gated_hang_up(struct hp_gated *g)
{
	char path[HP_GATE_PATH_MAX];

	g->daemon = NULL; /* nothing follows from its end */
	for (size_t i = 0; i < HP_GATED_CLIENTS; i++)
		if (g->clients[i].fd)
			hang_up(&g->clients[i]);
	if (!g->listener)
		return;
	hp_loop_del(g->loop, &g->watch);
	close(g->listener);
	if (!hp_gatesock_path(".sock", path))
		unlink(path);
}
