/* SPDX-License-Identifier: MIT
 *
 * One client of the control socket (see control.h): lines in, lines out.
 */
#include "io/control_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/buf.h"

struct hp_control_client {
	struct hp_control *ctl;
	struct hp_watch watch;
	int fd;
	bool dead;    /* gone, or too slow */
	bool closing; /* goes once the output is written */
	bool streaming;
	void (*gone)(void *ctx);
	void *gone_ctx;
	struct hp_buf out;
	size_t out_sent;
	size_t in_len;
	char in[HP_CONTROL_REQUEST_MAX];
};

bool ctl_client_over(const struct hp_control_client *c)
{
	return c->dead || (c->closing && c->out_sent == c->out.len);
}

/* ---- output */

static void watch_set(struct hp_control_client *c)
{
	uint32_t events = c->closing ? 0 : EPOLLIN;

	if (c->out_sent < c->out.len)
		events |= EPOLLOUT;
	hp_loop_mod(c->ctl->loop, &c->watch, events);
}

static void output_write(struct hp_control_client *c)
{
	ssize_t n;

	while (c->out_sent < c->out.len) {
		n = send(c->fd, c->out.data + c->out_sent, c->out.len - c->out_sent,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			c->dead = errno != EAGAIN;
			return;
		}
		c->out_sent += (size_t)n;
	}
	c->out.len = c->out_sent = 0;
}

/* The part already sent makes room before the buffer grows. */
static void output_compact(struct hp_control_client *c)
{
	if (c->out_sent < c->out.len / 2 || !c->out_sent)
		return;
	memmove(c->out.data, c->out.data + c->out_sent, c->out.len - c->out_sent);
	c->out.len -= c->out_sent;
	c->out_sent = 0;
}

static int output_add(struct hp_control_client *c, const json_t *obj)
{
	char *text = json_dumps(obj, JSON_COMPACT | JSON_PRESERVE_ORDER);
	bool idle = c->out_sent == c->out.len;

	if (!text)
		return -ENOMEM;
	output_compact(c);
	hp_buf_add(&c->out, text, strlen(text));
	hp_buf_add(&c->out, "\n", 1);
	free(text);
	if (c->out.failed || c->out.len - c->out_sent > HP_CONTROL_OUTPUT_MAX) {
		c->dead = true;
		return -ENOBUFS;
	}
	if (idle)
		watch_set(c);
	return 0;
}

int hp_control_send(struct hp_control_client *c, const json_t *obj)
{
	return c->dead || c->closing ? -ENOBUFS : output_add(c, obj);
}

void hp_control_stream(struct hp_control_client *c, void (*gone)(void *ctx), void *ctx)
{
	c->streaming = true;
	c->gone = gone;
	c->gone_ctx = ctx;
}

/* ---- requests */

static void refuse(struct hp_control_client *c, const char *why)
{
	json_t *reply = json_pack("{s:b, s:s}", "ok", 0, "error", why);

	if (reply)
		output_add(c, reply);
	json_decref(reply);
}

static void answer(struct hp_control_client *c, const json_t *request)
{
	json_t *reply = json_pack("{s:b}", "ok", 1);
	int err;

	if (!reply) {
		c->dead = true;
		return;
	}
	err = c->ctl->fn(c->ctl->ctx, c, request, reply);
	if (err) {
		json_object_set_new(reply, "ok", json_false());
		if (!json_object_get(reply, "error"))
			json_object_set_new(reply, "error", json_string(strerror(-err)));
	}
	output_add(c, reply);
	json_decref(reply);
}

static void line_take(struct hp_control_client *c, const char *line, size_t len)
{
	json_error_t why;
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);

	if (!request)
		refuse(c, why.text);
	else if (!json_is_string(json_object_get(request, "cmd")))
		refuse(c, "the request is no object with a string \"cmd\"");
	else
		answer(c, request);
	json_decref(request);
}

static void lines_take(struct hp_control_client *c)
{
	char *from = c->in, *end = c->in + c->in_len, *nl;

	while (!c->dead && (nl = memchr(from, '\n', (size_t)(end - from)))) {
		line_take(c, from, (size_t)(nl - from));
		from = nl + 1;
	}
	c->in_len = (size_t)(end - from);
	memmove(c->in, from, c->in_len);
	if (c->in_len < sizeof(c->in))
		return;
	refuse(c, "the request is longer than 64 KB");
	c->closing = true;
}

static void input_read(struct hp_control_client *c)
{
	ssize_t n =
		recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, MSG_DONTWAIT);

	if (n > 0) {
		c->in_len += (size_t)n;
		lines_take(c);
	} else if (n == 0) {
		/* It may have only finished asking; a stream has nobody left to read it.
		 */
		c->closing = true;
		c->dead |= c->streaming;
	} else if (errno != EAGAIN && errno != EINTR) {
		c->dead = true;
	}
}

static void client_ready(void *ctx, uint32_t events)
{
	struct hp_control_client *c = ctx;

	if (!c->closing && (events & (EPOLLIN | EPOLLHUP)))
		input_read(c);
	else if (events & (EPOLLHUP | EPOLLERR))
		c->dead = true;
	if (!c->dead) {
		output_write(c);
		watch_set(c);
	}
}

/* ---- coming and going */

struct hp_control_client *ctl_client_new(struct hp_control *ctl, int fd)
{
	struct hp_control_client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->ctl = ctl;
	c->fd = fd;
	if (hp_loop_add(ctl->loop, &c->watch, fd, EPOLLIN, client_ready, c)) {
		free(c);
		return NULL;
	}
	return c;
}

void ctl_client_free(struct hp_control_client *c)
{
	if (!c->dead)
		output_write(c);
	hp_loop_del(c->ctl->loop, &c->watch);
	close(c->fd);
	if (c->gone)
		c->gone(c->gone_ctx);
	hp_buf_fini(&c->out);
	free(c);
}
