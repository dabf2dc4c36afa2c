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

/* While more than this waits, a feed is not called. */
#define FEED_LOW 32768u

struct hp_control_client {
	struct hp_control *ctl;
	struct hp_watch watch;
	struct hp_control_who who;
	int fd;
	bool dead;    /* gone, or too slow */
	bool closing; /* has asked for the last time: goes once all is written */
	bool streaming;
	bool feeding;
	bool feed_waits; /* for hp_control_wake */
	struct hp_control_feed feed;
	void (*gone)(void *ctx);
	void *gone_ctx;
	uint64_t moved_ms; /* when something was last read or written */
	struct hp_buf out;
	size_t out_sent;
	size_t in_len;
	char in[HP_CONTROL_REQUEST_MAX];
};

static size_t waiting(const struct hp_control_client *c)
{
	return c->out.len - c->out_sent;
}

/* Requests wait meanwhile. */
static bool busy(const struct hp_control_client *c)
{
	return c->feeding || waiting(c);
}

static bool has_request(const struct hp_control_client *c)
{
	return memchr(c->in, '\n', c->in_len);
}

bool ctl_client_over(const struct hp_control_client *c)
{
	return c->dead || (c->closing && !busy(c) && !has_request(c));
}

const struct hp_control_who *hp_control_who(const struct hp_control_client *c)
{
	return &c->who;
}

static bool endless(const struct hp_control_client *c)
{
	return c->streaming || (c->feeding && c->feed.endless);
}

static void give_up(struct hp_control_client *c, const char *why)
{
	c->dead = true;
	if (c->ctl->event)
		c->ctl->event(c->ctl->ctx, HP_CONTROL_STALLED, &c->who, why);
}

void ctl_client_check(struct hp_control_client *c, uint64_t before_ms)
{
	if (c->dead || c->moved_ms > before_ms || (endless(c) && !waiting(c)))
		return;
	c->ctl->counts.stalled++;
	give_up(c, waiting(c) ? "it does not read" : "it asks for nothing");
}

/* ---- output */

/* May more be read? */
static bool listens(const struct hp_control_client *c)
{
	return !c->dead && !c->closing && c->in_len < sizeof(c->in) && (!busy(c) || endless(c));
}

static void watch_set(struct hp_control_client *c)
{
	uint32_t events = listens(c) ? EPOLLIN : 0;

	/* A socket with room is ready at once: in the next round. */
	if (waiting(c) || (c->feeding && !c->feed_waits) || (!c->feeding && has_request(c)))
		events |= EPOLLOUT;
	hp_loop_mod(c->ctl->loop, &c->watch, events);
}

static void output_write(struct hp_control_client *c)
{
	ssize_t n;

	while (waiting(c)) {
		n = send(c->fd, c->out.data + c->out_sent, waiting(c),
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			c->dead |= errno != EAGAIN;
			return;
		}
		c->out_sent += (size_t)n;
		c->moved_ms = hp_loop_now(c->ctl->loop);
	}
	c->out.len = c->out_sent = 0;
	if (c->out.cap > HP_CONTROL_STREAM_MAX)
		hp_buf_fini(&c->out);
}

/* The part already sent makes room before the buffer grows. */
static void output_compact(struct hp_control_client *c)
{
	if (c->out_sent < c->out.len / 2 || !c->out_sent)
		return;
	memmove(c->out.data, c->out.data + c->out_sent, waiting(c));
	c->out.len -= c->out_sent;
	c->out_sent = 0;
}

static int output_add(struct hp_control_client *c, const json_t *obj, size_t max)
{
	char *text = json_dumps(obj, JSON_COMPACT | JSON_PRESERVE_ORDER);
	bool idle = !waiting(c);

	if (!text)
		return -ENOMEM;
	if (idle)
		c->moved_ms = hp_loop_now(c->ctl->loop);
	output_compact(c);
	hp_buf_add(&c->out, text, strlen(text));
	hp_buf_add(&c->out, "\n", 1);
	free(text);
	if (c->out.failed || waiting(c) > max) {
		c->ctl->counts.too_slow++;
		give_up(c, "it reads too slowly");
		return -ENOBUFS;
	}
	if (idle)
		watch_set(c);
	return 0;
}

int hp_control_send(struct hp_control_client *c, const json_t *obj)
{
	return c->dead || (c->closing && !c->feeding) ?
		       -ENOBUFS : output_add(c, obj, HP_CONTROL_STREAM_MAX);
}

void hp_control_stream(struct hp_control_client *c, void (*gone)(void *ctx), void *ctx)
{
	c->streaming = true;
	c->gone = gone;
	c->gone_ctx = ctx;
}

/* ---- feeds */

void hp_control_feed(struct hp_control_client *c, const struct hp_control_feed *feed)
{
	c->feed = *feed;
	c->feeding = true;
	c->feed_waits = false;
}

size_t hp_control_room(const struct hp_control_client *c)
{
	return waiting(c) < FEED_LOW ? FEED_LOW - waiting(c) : 0;
}

void hp_control_wake(struct hp_control_client *c)
{
	if (!c->feeding || !c->feed_waits)
		return;
	c->feed_waits = false;
	watch_set(c);
}

static void feed_end(struct hp_control_client *c)
{
	if (!c->feeding)
		return;
	c->feeding = false;
	if (c->feed.gone)
		c->feed.gone(c->feed.ctx);
}

static void feed_step(struct hp_control_client *c)
{
	if (!c->feeding || c->feed_waits || c->dead || !hp_control_room(c))
		return;
	switch (c->feed.fn(c->feed.ctx, c)) {
	case HP_FEED_MORE:
		break;
	case HP_FEED_WAIT:
		c->feed_waits = true;
		break;
	case HP_FEED_END:
		feed_end(c);
		c->moved_ms = hp_loop_now(c->ctl->loop);
		break;
	}
}

/* ---- requests */

static void refuse(struct hp_control_client *c, const char *why)
{
	json_t *reply = json_pack("{s:b, s:s}", "ok", 0, "error", why);

	if (reply)
		output_add(c, reply, HP_CONTROL_OUTPUT_MAX);
	json_decref(reply);
}

void hp_control_reply(struct hp_control_client *c, json_t *reply, int err)
{
	if (!reply || json_object_set_new(reply, "ok", json_boolean(!err))) {
		c->dead = true;
		return;
	}
	if (err && !json_object_get(reply, "error"))
		json_object_set_new(reply, "error", json_string(strerror(-err)));
	output_add(c, reply, HP_CONTROL_OUTPUT_MAX);
}

static void answer(struct hp_control_client *c, const json_t *request)
{
	json_t *reply = json_pack("{s:b}", "ok", 1);
	int err = reply ? c->ctl->fn(c->ctl->ctx, c, request, reply) : -ENOMEM;

	if (err || !c->feeding || !c->feed.replies)
		hp_control_reply(c, reply, err);
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

/* One a round, and not before the last answer is written. */
static void request_take(struct hp_control_client *c)
{
	const char *nl = memchr(c->in, '\n', c->in_len);
	size_t len = nl ? (size_t)(nl - c->in) : c->in_len;

	if (busy(c) || (!nl && len < sizeof(c->in)))
		return;
	if (nl) {
		line_take(c, c->in, len);
		c->in_len -= len + 1;
		memmove(c->in, nl + 1, c->in_len);
	} else {
		refuse(c, "the request is longer than 64 KB");
		c->in_len = 0;
		c->closing = true;
	}
	if (!c->dead)
		output_write(c);
}

static void input_read(struct hp_control_client *c)
{
	ssize_t n =
		recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, MSG_DONTWAIT);

	if (n > 0) {
		c->in_len += (size_t)n;
		c->moved_ms = hp_loop_now(c->ctl->loop);
		/* Who follows a stream without an end has nothing to say. */
		c->dead |= endless(c) && c->in_len == sizeof(c->in);
	} else if (n == 0) {
		/* It may have only finished asking; a stream without an end has nobody left to
		 * read it. */
		c->closing = true;
		c->dead |= endless(c);
	} else if (errno != EAGAIN && errno != EINTR) {
		c->dead = true;
	}
}

static void client_ready(void *ctx, uint32_t events)
{
	struct hp_control_client *c = ctx;

	if (listens(c) && (events & (EPOLLIN | EPOLLHUP)))
		input_read(c);
	else if (events & (EPOLLHUP | EPOLLERR))
		c->dead = true;
	feed_step(c);
	if (c->dead)
		return;
	output_write(c);
	request_take(c);
	watch_set(c);
}

/* ---- coming and going */

struct hp_control_client *ctl_client_new(struct hp_control *ctl, int fd,
					 const struct hp_control_who *who)
{
	struct hp_control_client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->ctl = ctl;
	c->fd = fd;
	c->who = *who;
	c->moved_ms = hp_loop_now(ctl->loop);
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
	feed_end(c);
	if (c->gone)
		c->gone(c->gone_ctx);
	hp_buf_fini(&c->out);
	free(c);
}
